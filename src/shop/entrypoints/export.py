"""`shop export`: all products in a file that `shop import` reads."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from shop.entrypoints.terminal import Failed, bars, command_settings, examples, so_many

if TYPE_CHECKING:
    from shop.catalog.presentation.shopify_export import Goods
    from shop.platform.settings import Settings

_STDOUT = Path("-")

# What only one command needs, it imports itself: `shop --help` is there at once.


@click.command(
    epilog=examples(
        "shop export products.csv",
        "shop export products.csv --force    the newest takes the place of the one before",
        "shop export - | gzip > products.csv.gz",
    )
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE, once the new one is whole.")
def export(file: Path, *, force: bool) -> None:
    """Write all products to FILE, archived ones too, as a Shopify CSV; - is standard output.

    `shop import` makes the same products of it, each in its own currency, with so many on hand. What Shopify has no
    column for stands in columns of our own, Shop ID to Shop Attributes. A ' at the beginning of a cell says that a text
    follows: a spreadsheet does not run it, and the import takes it away.

    Orders, histories and what was sold are not in it: see shop backup. A server may be running meanwhile.
    """
    from shop.catalog.presentation.shopify import MOST_BYTES  # noqa: PLC0415
    from shop.catalog.presentation.shopify_export import csv_of  # noqa: PLC0415

    settings = command_settings()
    if file != _STDOUT:
        _refuse_place(file, settings, force=force)
    goods = asyncio.run(_every_product(settings))
    size = _to_stdout(csv_of(goods)) if file == _STDOUT else _to_file(csv_of(goods), file, force=force)
    where = "standard output" if file == _STDOUT else file
    click.echo(f"{so_many(len(goods), 'product')} written to {where}", err=file == _STDOUT)
    if size > MOST_BYTES:
        note = f"import takes {MOST_BYTES >> 20} MB at once: split it between two articles, each part with the heading"
        click.echo(note, err=True)


def _refuse_place(file: Path, settings: Settings, *, force: bool) -> None:
    from shop.platform.whole_files import refuse_taken  # noqa: PLC0415

    if not file.parent.is_dir():
        raise Failed(f"there is no folder {file.parent}: make it, or name another file")
    if file.exists() and settings.store.exists() and file.samefile(settings.store):
        raise Failed(f"{file} is the store itself: name another file")
    refuse_taken(file, force=force)


async def _every_product(settings: Settings) -> Sequence[Goods]:
    from shop.entrypoints.catalog_open import catalog_opened  # noqa: PLC0415

    if settings.storage == "sqlite" and not settings.store.exists():
        raise Failed(f"there is no store in {settings.data}: name its folder with SHOP_DATA")
    goods: list[Goods] = []
    with bars() as show:
        async with catalog_opened(settings) as catalog:
            async for some in catalog.queries().every_one():
                goods += some
                show("products", len(goods), 0)
    return goods


def _to_stdout(pieces: Iterator[bytes]) -> int:
    size = sum(sys.stdout.buffer.write(piece) for piece in pieces)
    sys.stdout.buffer.flush()
    return size


def _to_file(pieces: Iterator[bytes], file: Path, *, force: bool) -> int:
    from shop.platform.whole_files import making, put_in_place  # noqa: PLC0415

    with making(file) as part:
        with part.open("xb") as opened:
            size = sum(opened.write(piece) for piece in pieces)
        put_in_place(part, file, force=force)
    return size
