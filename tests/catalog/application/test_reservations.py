"""The driver of the saga, where its luck can be told beforehand."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import pytest

from shop.catalog.contract import ProductUpdated, ShortLine, StockRejected, StockReserved
from shop.catalog.domain.reservation import Line
from shop.kernel.errors import NotYet
from shop.platform.storage.port import AlreadyConsumed


def lines_of(**quantities):
    return tuple(Line(product_id, quantity) for product_id, quantity in quantities.items())


def heard(records, kind):
    return [event.read(kind) for event in records.events if event.type == kind.TYPE]


def status_of(records, key):
    return msgspec.json.decode(records.documents[key].body)["status"]


@pytest.fixture
async def stocked(catalog, records):
    for product_id in ("a", "b", "c"):
        await catalog.lists(product_id, on_hand=5)
    records.events.clear()
    records.calls.clear()


@pytest.mark.usefixtures("stocked")
async def test_an_order_of_one_line_is_two_reads_and_one_commit(catalog, records, delivered):
    await catalog.reserve(order_id="o1", lines=lines_of(a=2), cause=delivered("d1"))

    assert records.calls == ["counts", "commit"]
    assert await catalog.counters("a") == {"onHand": 5, "available": 3, "sold": 0}
    assert heard(records, StockReserved) == [StockReserved(order_id="o1")]
    assert records.consumed == {"d1"}


@pytest.mark.usefixtures("stocked")
async def test_a_short_order_is_rejected_by_name(catalog, records, delivered):
    await catalog.reserve(order_id="o1", lines=lines_of(a=2, b=6, nothing=1), cause=delivered("d1"))

    (event,) = heard(records, StockRejected)
    assert event.short == (
        ShortLine(product_id="nothing", wanted=1, available=0),
        ShortLine(product_id="b", wanted=6, available=5),
    )
    assert (await catalog.counters("a"))["available"] == 5
    assert records.calls[:2] == ["counts", "commit"]
    assert records.consumed == {"d1"}


@pytest.mark.usefixtures("stocked")
async def test_a_product_that_sells_out_is_told_and_that_it_is_back_too(catalog, records, delivered):
    await catalog.reserve(order_id="o1", lines=lines_of(a=5, b=1), cause=delivered())
    assert [(event.product_id, event.changed) for event in heard(records, ProductUpdated)] == [("a", ("inStock",))]

    await catalog.release(order_id="o1", cause=delivered())
    assert [event.product_id for event in heard(records, ProductUpdated)] == ["a", "a"]


@pytest.mark.usefixtures("stocked")
async def test_of_many_buyers_as_many_get_it_as_there_is(catalog, records, delivered):
    buyers = [catalog.reserve(order_id=f"o{n}", lines=lines_of(a=1), cause=delivered(f"d{n}")) for n in range(20)]

    await asyncio.gather(*buyers)

    assert len(heard(records, StockReserved)) == 5
    assert len(heard(records, StockRejected)) == 15
    assert await catalog.counters("a") == {"onHand": 5, "available": 0, "sold": 0}


@pytest.mark.usefixtures("stocked")
async def test_an_order_is_reserved_sold_and_partly_restocked(catalog, records, delivered):
    await catalog.reserve(order_id="o1", lines=lines_of(a=2, b=3), cause=delivered())
    await catalog.sell(order_id="o1", cause=delivered())
    assert await catalog.counters("a") == {"onHand": 3, "available": 3, "sold": 2}

    for _ in range(2):
        await catalog.restock(order_id="o1", refund_id="r1", lines=lines_of(a=1), cause=delivered())

    assert await catalog.counters("a") == {"onHand": 4, "available": 4, "sold": 1}
    assert status_of(records, "restock/r1") == "restocked"


@pytest.mark.usefixtures("stocked")
async def test_goods_that_came_back_before_they_were_sold_wait(catalog, delivered):
    with pytest.raises(NotYet):
        await catalog.restock(order_id="o1", refund_id="r1", lines=lines_of(a=1), cause=delivered())

    assert await catalog.counters("a") == {"onHand": 5, "available": 5, "sold": 0}


@pytest.mark.usefixtures("stocked")
async def test_a_delivery_that_had_its_effect_is_not_had_again(catalog, records, delivered):
    await catalog.reserve(order_id="o1", lines=lines_of(a=2), cause=delivered("d1"))
    events = list(records.events)

    with pytest.raises(AlreadyConsumed):
        await catalog.reserve(order_id="o1", lines=lines_of(a=2), cause=delivered("d1"))
    assert records.events == events
    with pytest.raises(AlreadyConsumed):
        await catalog.reserve(order_id="o2", lines=lines_of(a=2), cause=delivered("d1"))


async def test_a_long_order_is_taken_in_steps_that_fit(catalog_over, delivered):
    catalog = catalog_over(limit=10)
    products = [f"p{n:02}" for n in range(20)]
    for product_id in products:
        await catalog.lists(product_id, on_hand=1)
    catalog.records.calls.clear()

    await catalog.reserve(order_id="o1", lines=lines_of(**dict.fromkeys(products, 1)), cause=delivered("d1"))

    # 10 - 4 records are room for three products that sell out, each with an event of its own
    assert catalog.records.calls.count("commit") == 7
    assert catalog.records.calls.count("counts") == 1
    assert len(heard(catalog.records, StockReserved)) == 1
    sold_out = [event for event in heard(catalog.records, ProductUpdated) if event.changed == ("inStock",)]
    assert len(sold_out) == 20


async def test_what_was_left_half_way_is_finished_after_five_minutes(catalog_over, time, delivered):
    class Crash(BaseException):
        pass

    async def pause(name):
        if name == "commit" and catalog.records.calls.count("commit") == crash_at:
            raise Crash

    crash_at = 0
    catalog = catalog_over(time, limit=8, pause=pause)
    products = [f"p{n}" for n in range(9)]
    for product_id in products:
        await catalog.lists(product_id, on_hand=9)
    crash_at = catalog.records.calls.count("commit") + 2

    with pytest.raises(Crash):
        await catalog.reserve(order_id="o1", lines=lines_of(**dict.fromkeys(products, 1)), cause=delivered("d1"))
    assert status_of(catalog.records, "reservation/o1") == "reserving"
    time.passes(timedelta(minutes=4))
    assert await catalog.finish(cause=delivered()) == 0

    time.passes(timedelta(minutes=1))
    assert await catalog.finish(cause=delivered()) == 1

    assert status_of(catalog.records, "reservation/o1") == "reserved"
    assert len(heard(catalog.records, StockReserved)) == 1
    assert await catalog.finish(cause=delivered()) == 0
