"""Catalog's own reactions on DynamoDB, whose commits hold 100 items: many who want one thing, and long orders."""

from __future__ import annotations

import asyncio
import math
from collections import Counter

import msgspec
import pytest

from shop.catalog.container import CatalogContainer
from shop.catalog.domain.price import Price
from shop.catalog.domain.product import Details
from shop.catalog.infrastructure.store import LAYOUT
from shop.kernel.events import Cause, Delivery, Publisher
from shop.kernel.ids import ids
from shop.orders.contract import OrderCancelled, OrderCompleted, OrderCreated, OrderedLine
from shop.platform.storage.dynamodb import DynamoStore
from shop.platform.storage.port import AlreadyConsumed

pytestmark = pytest.mark.aws

WRITE = "TransactWriteItems"
STEP = 96  # lines of a commit, beside the reservation, its event and the delivery


class Shop:
    """Catalog on a store; what it tells is in `told`."""

    def __init__(self, store, clock):
        self.clock, self.store = clock, store
        self.catalog = CatalogContainer(engine=store, clock=clock, ids=ids(clock))
        self.reactions = self.catalog.reactions().table()
        self.publish = Publisher(source="/shop/orders", ids=ids(clock))
        self.told = []
        store.committed = self.told.extend

    async def lists(self, product_id, *, on_hand):
        await self.catalog.import_product()(
            product_id=product_id,
            details=Details(sku=product_id, name=f"Thing {product_id}", category="Things/Small"),
            price=Price.parse(base="10.00", discounted=None, currency="EUR"),
            on_hand=on_hand,
            who="staff",
            cause=Cause(id="req_1"),
        )

    async def hears(self, event, *, times=1):
        envelope = self.publish(event, at=self.clock(), cause=Cause(id="req_1"))
        delivery = Delivery(envelope.id, envelope.id, "catalog")
        for _ in range(times):
            try:
                await self.reactions[event.TYPE](envelope, Cause(id=envelope.id, delivery=delivery))
            except AlreadyConsumed:
                assert times > 1

    async def stock(self, product_id):
        counts = (await self.catalog.records().counts([f"stock/{product_id}"]))[f"stock/{product_id}"]
        return {"onHand": 0, "available": 0, "sold": 0, **counts.of}

    async def reservation(self, order_id):
        return msgspec.json.decode((await self.catalog.records().get(f"reservation/{order_id}")).body)

    def answers(self):
        """What orders is told, by type."""
        return Counter(one.type for one in self.told if one.type.startswith("stock."))


def created(order_id, **quantities):
    lines = tuple(OrderedLine(product_id=product_id, quantity=n) for product_id, n in quantities.items())
    return OrderCreated(order_id=order_id, customer_id="c1", lines=lines)


@pytest.fixture
async def shop(aws, wire, stack, clock, tables_of):  # wire first: it notes all
    assert not wire.sent
    tables_of([LAYOUT])
    return Shop(DynamoStore(aws, stack=stack, clock=clock), clock)


async def test_of_200_buyers_of_one_unit_one_gets_it_in_at_most_two_transactions_each(shop, wire):
    await shop.lists("lamp", on_hand=1)
    shop.told.clear()
    wire.sent.clear()

    await asyncio.gather(*(shop.hears(created(f"ord_{n}", lamp=1)) for n in range(200)))

    assert shop.answers() == {"stock.reserved": 1, "stock.rejected": 199}
    assert await shop.stock("lamp") == {"onHand": 1, "available": 0, "sold": 0}
    transactions = Counter(
        item["Put"]["Item"]["pk"]["S"]
        for asked in wire.of(WRITE)
        for item in asked["TransactItems"]
        if "Put" in item and item["Put"]["Item"]["pk"]["S"].startswith("reservation/")
    )
    assert len(transactions) == 200
    assert max(transactions.values()) <= 2


@pytest.fixture
async def stocked(shop):
    """More things than three commits hold."""
    things = [f"thing-{n:03}" for n in range(230)]
    await asyncio.gather(*(shop.lists(thing, on_hand=5) for thing in things))
    shop.told.clear()
    return things


def of_steps(lines):
    return math.ceil(lines / STEP)


async def test_a_long_order_is_reserved_and_sold_step_by_step(shop, stocked, wire):
    wire.sent.clear()
    await shop.hears(created("ord_1", **dict.fromkeys(stocked, 2)), times=3)

    assert len(wire.of(WRITE)) >= of_steps(230)
    assert max(len(asked["TransactItems"]) for asked in wire.of(WRITE)) <= 100
    assert shop.answers() == {"stock.reserved": 1}
    assert (await shop.reservation("ord_1"))["status"] == "reserved"
    assert [await shop.stock(thing) for thing in stocked] == [{"onHand": 5, "available": 3, "sold": 0}] * 230

    await shop.hears(OrderCompleted(order_id="ord_1", customer_id="c1", total="4600.00", currency="EUR"), times=2)

    assert (await shop.reservation("ord_1"))["status"] == "shipped"
    assert [await shop.stock(thing) for thing in stocked] == [{"onHand": 3, "available": 3, "sold": 2}] * 230


async def test_a_long_order_that_is_short_at_its_end_gives_back_what_it_took(shop, stocked, wire):
    async def on(send):
        return await send()

    async def somebody_takes(send):
        await shop.hears(created("ord_2", **dict.fromkeys(stocked[-50:], 4)))
        return await send()

    wire.meets(WRITE, on, somebody_takes)  # between the first step and the second
    await shop.hears(created("ord_1", **dict.fromkeys(stocked, 2)))

    assert shop.answers() == {"stock.reserved": 1, "stock.rejected": 1}
    assert (await shop.reservation("ord_1"))["status"] == "rejected"
    left = [(await shop.stock(thing))["available"] for thing in stocked]
    assert left == [5] * 180 + [1] * 50


async def test_a_long_order_that_is_cancelled_is_released_step_by_step(shop, stocked):
    await shop.hears(created("ord_1", **dict.fromkeys(stocked, 5)))  # all of it: each is out of stock, and back

    await shop.hears(OrderCancelled(order_id="ord_1", customer_id="c1", reason="customer"), times=2)

    assert (await shop.reservation("ord_1"))["status"] == "released"
    assert [await shop.stock(thing) for thing in stocked] == [{"onHand": 5, "available": 5, "sold": 0}] * 230
    turned = Counter(one.subject for one in shop.told if one.type == "product.updated")
    assert turned == dict.fromkeys(stocked, 2)


async def test_a_page_of_the_catalogue_is_found_and_searched(shop, stocked):
    records = shop.catalog.records()

    assert len((await records.search(["thing"], limit=300)).found) == 230
    assert [one.key for one in (await records.find("sku", "thing-007")).found] == ["product/thing-007"]
    assert stocked
