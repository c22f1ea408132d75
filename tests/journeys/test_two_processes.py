"""A server under load, and an import beside it on the same store."""

from __future__ import annotations

import asyncio
import os
import sys

_IMPORT = """
import asyncio, os, sys
from pathlib import Path
from shop.catalog.presentation.shopify import read_products
from shop.entrypoints.bring_in import bring_in
from shop.entrypoints.monolith import opened
from shop.platform.settings import read_settings

async def main():
    found = read_products(Path(sys.argv[1]).read_bytes(), "EUR")
    assert not found.faults, found.faults
    async with opened(read_settings(os.environ)) as shop:
        brought = await bring_in(found.products, shop.catalog, by="import")
        print(sum(brought.outcomes.values()), shop.store.statistics.longest_wait)

asyncio.run(main())
"""


async def test_an_import_beside_a_busy_server_is_not_locked_out_and_the_server_delivers_its_events(story, tmp_path):
    for product in range(20):
        await story.sell(f"old-{product}", price="9.99", on_hand=10_000)
    statuses: set[int] = set()
    stop = asyncio.Event()

    async def buy(client: int) -> int:
        orders = 0
        while not stop.is_set():
            answer = await story.order(f"c{client}", (f"old-{client % 20}", 1), key=f"{client}-{orders}")
            statuses.add(answer.status_code)
            orders += 1
        return orders

    buyers = [asyncio.create_task(buy(client)) for client in range(16)]
    imported, longest_wait = await import_beside(story, tmp_path)
    stop.set()
    orders = sum(await asyncio.gather(*buyers))
    await story.until_quiet()

    assert imported == 520
    assert longest_wait < 1  # seconds for the other process's lock
    assert statuses == {201}
    assert orders > 0
    dearer = await story.order("zoe", ("old-3", 1), ("new-7", 2))
    assert [line["unitPrice"] for line in dearer.json()["lines"]] == ["20.00", "7.00"]
    told = "SELECT count(*) FROM events WHERE type IN ('product.created', 'product.price.changed')"
    assert story.shop.store.file.reader.execute(told).fetchone() == (20 + 500 + 20,)


async def import_beside(story, tmp_path):
    rows = [f"new-{n},New {n},new-{n},3,{n}.00" for n in range(500)]
    rows += [f"old-{n},old-{n},old-{n},10000,20.00" for n in range(20)]
    heading = "Handle,Title,Variant SKU,Variant Inventory Qty,Variant Price"
    file = tmp_path / "products.csv"
    file.write_text("\n".join([heading, *rows, ""]), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _IMPORT, str(file),
        env=os.environ | {"SHOP_DATA": str(story.settings.data)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    imported, longest_wait = out.split()
    return int(imported), float(longest_wait)
