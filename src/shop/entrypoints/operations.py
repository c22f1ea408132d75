"""Commands for who runs a shop: `doctor`, `backup`, `restore`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import rich_click as click
from rich.filesize import decimal

from shop.entrypoints.terminal import Failed, bars, embedded_settings, examples, show_checks, so_many
from shop.kernel.clock import system_clock

if TYPE_CHECKING:
    from shop.platform.settings import Settings
    from shop.platform.storage.sqlite_checks import Checked

_RECOVERY = "every table has point-in-time recovery: `aws dynamodb restore-table-to-point-in-time` (infra/README.md)"
_ALARMS = "the alarms of the deployment tell (infra/README.md), and: shop dead-letters list"

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

    settings = embedded_settings("backup", instead=_RECOVERY)
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

    settings = embedded_settings("restore", instead=_RECOVERY)
    layouts = [documents.layout for documents in every_document()]
    with only_server(settings.data), bars() as show:
        restored = sqlite_backup.restore(file, settings.store, layouts, at=system_clock(), force=force, progress=show)
    counts = f"{so_many(restored.documents, 'document')} and {so_many(restored.events, 'event')}"
    click.echo(f"{settings.store} has {counts} of {file}; see: shop doctor")
    if restored.aside is not None:
        click.echo(f"the store of before is kept as {restored.aside}")


@click.command(
    epilog=examples(
        "shop doctor",
        "shop doctor --json > found.json",
        "shop doctor --reindex    when it names documents that are in the wrong place",
    )
)
@click.option("--reindex", is_flag=True, help="First put every document anew, so that it is found where it should be.")
@click.option("--json", "as_json", is_flag=True, help="Everything that was found, as JSON.")
def doctor(*, reindex: bool, as_json: bool) -> None:
    """Check all that must be so in the store, and name each difference.

    Looks at one moment, also while the shop serves. Exit code 1 if anything differs; warnings are of deliveries that
    are late or dead, not of the store.
    """
    checks = asyncio.run(_examined(embedded_settings("doctor", instead=_ALARMS), reindex=reindex))
    differences = sum(len(check.differences) for check in checks)
    if as_json:
        found = {"sound": not differences, "checks": checks}
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
    else:
        show_checks(checks)
    if differences:
        raise Failed(
            f"{so_many(differences, 'difference')} in the store; keep a copy of SHOP_DATA before anything else"
        )


async def _examined(settings: Settings, *, reindex: bool) -> list[Checked]:
    from shop.entrypoints.doctor import examine, put_anew  # noqa: PLC0415
    from shop.entrypoints.monolith import opened  # noqa: PLC0415

    if not settings.store.exists():
        raise Failed(f"there is no store in {settings.data}: name its folder with SHOP_DATA")
    with bars() as show:
        async with opened(settings) as shop:
            if reindex:
                await put_anew(shop, progress=show)
            return [check async for check in examine(shop, progress=show)]


OPERATIONS = (doctor, backup, restore)
