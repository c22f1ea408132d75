"""Catalog's stores on the SQLite engine, where commits really are at the same time."""

from __future__ import annotations

import asyncio

import pytest

from shop.catalog.contract import StockRejected, StockReserved
from shop.catalog.domain.reservation import Line
from shop.catalog.infrastructure.store import LAYOUT
from shop.platform.storage.sqlite import SqliteStore


@pytest.fixture
async def open_store(tmp_path, time):
    stores = []

    async def opened(limit=2000):
        store = SqliteStore(tmp_path / "shop.db", clock=time, limit=limit)
        stores.append(store)
        await store.open()
        return store

    yield opened
    for store in stores:
        await store.close()


@pytest.fixture
async def catalog_on(open_store, catalog_over):
    """The acts over the engine, and the events that they publish."""

    async def on(limit=2000):
        store = await open_store(limit)
        told = []
        store.routes = {kind.TYPE: ["orders"] for kind in (StockReserved, StockRejected)}
        store.on_queued = lambda queued: told.extend(delivery.envelope.type for delivery in queued)
        catalog = catalog_over()
        return type(catalog)(store.records(LAYOUT), catalog.time), told

    return on


async def test_of_many_buyers_at_once_one_gets_the_last_one(catalog_on, delivered):
    catalog, told = await catalog_on()
    await catalog.lists("saw", on_hand=1)

    await asyncio.gather(
        *(catalog.reserve(order_id=f"o{n}", lines=(Line("saw", 1),), cause=delivered()) for n in range(100))
    )

    assert sorted(told) == ["stock.rejected"] * 99 + ["stock.reserved"]
    assert await catalog.counters("saw") == {"onHand": 1, "available": 0, "sold": 0}


@pytest.mark.parametrize("limit", [10, 100, 2000])
async def test_copies_of_a_long_order_at_once_reserve_it_once(catalog_on, delivered, limit):
    catalog, told = await catalog_on(limit)
    products = [f"p{n}" for n in range(150)]
    await asyncio.gather(*(catalog.lists(product_id, on_hand=3) for product_id in products))
    lines = tuple(Line(product_id, 2) for product_id in products)

    await asyncio.gather(*(catalog.reserve(order_id="o1", lines=lines, cause=delivered()) for _ in range(4)))

    assert told == ["stock.reserved"]
    stocks = await catalog.products.stocks(products)
    assert {(stock.on_hand, stock.available) for stock in stocks.values()} == {(3, 1)}


async def test_long_orders_that_cross_leave_nothing_behind(catalog_on, delivered):
    catalog, told = await catalog_on(10)
    products = [f"p{n}" for n in range(40)]
    await asyncio.gather(*(catalog.lists(product_id, on_hand=1) for product_id in products))
    there, back = tuple(Line(one, 1) for one in products), tuple(Line(one, 1) for one in reversed(products))

    await asyncio.gather(
        catalog.reserve(order_id="o1", lines=there, cause=delivered()),
        catalog.reserve(order_id="o2", lines=back, cause=delivered()),
    )

    assert len(told) == 2
    held = sum(stock.reserved for stock in (await catalog.products.stocks(products)).values())
    assert held == told.count("stock.reserved") * 40


async def test_a_category_of_long_names_is_kept_in_order(catalog_on):
    catalog, _ = await catalog_on()
    for n in (2, 1):
        await catalog.lists(f"p{n}", name="\U0001f600" * 199 + str(n), category="ä" * 200)

    page = await catalog.queries.in_category("ä" * 200, after=None, limit=9)

    assert [product.product_id for product, _ in page.listed] == ["p1", "p2"]
