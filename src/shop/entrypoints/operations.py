"""Commands for who runs a shop: `backup`, `restore`."""

from __future__ import annotations

from pathlib import Path

import rich_click as click
from rich.filesize import decimal

from shop.entrypoints.terminal import bars, command_settings, examples, so_many
from shop.kernel.clock import system_clock

# What only one command needs, it imports itself: `shop --help` is there at once.


@click.command(
    epilog=examples(
        "shop backup monday.db",
        "shop backup /mnt/backups/shop.db --force    the newest takes the place of the one before",
    )
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE, once the new copy is whole.")
def backup(file: Path, *, force: bool) -> None:
    """Copy the store to FILE, while the shop serves.

    The copy has all that was committed when it began, and nothing in part; it is checked before it takes its name. The
    keys are not in it: keep jwt.key and payment.key of SHOP_DATA in another place. Without the first, tokens of before
    are no longer good; without the second, the payment provider needs the new secret.
    """
    from shop.platform.storage.sqlite_backup import back_up  # noqa: PLC0415

    settings = command_settings()
    begun = system_clock()
    with bars() as show:
        size = back_up(settings.store, file, force=force, progress=show)
    click.echo(f"{file}: {decimal(size)}, all that was committed by {begun:%Y-%m-%dT%H:%M:%SZ}")
    click.echo(f"the keys are not in it: keep jwt.key and payment.key of {settings.data} in another place")


@click.command(
    epilog=examples(
        "shop restore monday.db",
        "SHOP_DATA=/tmp/look shop restore monday.db    elsewhere, to look into it",
    )
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--force", is_flag=True, help="If there is a store already: keep it under another name, beside the new one."
)
def restore(file: Path, *, force: bool) -> None:
    """Make the store from FILE, which `shop backup` has made.

    FILE is checked first, and stays as it is. No server may run meanwhile. What was on its way when the copy was made
    is delivered by the next server. The keys are not in FILE: put back jwt.key and payment.key as well.
    """
    from shop.entrypoints.upgrade import every_document  # noqa: PLC0415
    from shop.platform.server_lock import only_server  # noqa: PLC0415
    from shop.platform.storage import sqlite_backup  # noqa: PLC0415

    settings = command_settings()
    layouts = [documents.layout for documents in every_document()]
    with only_server(settings.data), bars() as show:
        restored = sqlite_backup.restore(file, settings.store, layouts, at=system_clock(), force=force, progress=show)
    counts = f"{so_many(restored.documents, 'document')} and {so_many(restored.events, 'event')}"
    click.echo(f"{settings.store} has {counts} of {file}; see: shop doctor")
    if restored.aside is not None:
        click.echo(f"the store of before is kept as {restored.aside}")


OPERATIONS = (backup, restore)
