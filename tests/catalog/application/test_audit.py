"""The audit: silent while all is well, and a sentence for each thing that is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from shop.catalog.domain.reservation import Line, Reservation
from shop.platform.storage.port import Counts

SAWS = (Line("saw", 2),)


@pytest.fixture
async def busy(catalog, delivered):
    """A catalog in which everything has happened once."""
    await catalog.lists("saw", on_hand=9)
    await catalog.lists("axe", on_hand=0)
    for order_id in ("kept", "cancelled", "sold", "refunded"):
        await catalog.reserve(order_id=order_id, lines=SAWS, cause=delivered())
    await catalog.reserve(order_id="rejected", lines=(Line("saw", 1), Line("axe", 1)), cause=delivered())
    await catalog.release(order_id="cancelled", cause=delivered())
    for order_id in ("sold", "refunded"):
        await catalog.sell(order_id=order_id, cause=delivered())
    await catalog.restock(order_id="refunded", refund_id="r1", lines=(Line("saw", 1),), cause=delivered())
    return catalog


async def said(catalog):
    return [sentence async for sentence in catalog.audit()]


def put(records, reservation):
    stored = records.documents[reservation.key]
    records.documents[reservation.key] = stored._replace(body=msgspec.json.encode(reservation))


def read(records, key):
    return msgspec.json.decode(records.documents[key].body, type=Reservation)


async def test_where_all_is_well_nothing_is_said(busy):
    assert await busy.counters("saw") == {"onHand": 6, "available": 4, "sold": 3}

    assert await said(busy) == []


async def test_an_empty_catalog_is_well(catalog):
    assert await said(catalog) == []


@pytest.mark.parametrize(
    ("counters", "sentences"),
    [
        ({"available": 5}, ["stock of saw: 6 on hand, 5 available, but reservations hold 2"]),
        ({"onHand": 7, "available": 5}, ["stock of saw: 7 on hand, 3 sold, but staff's movements add up to 9"]),
        (
            {"onHand": 5, "available": 3, "sold": 4},
            ["stock of saw: 4 sold, but orders took 4 out and refunds put 1 back"],
        ),
    ],
)
async def test_counters_that_are_wrong_are_named(busy, counters, sentences):
    version, of = busy.records.counters["stock/saw"]
    busy.records.counters["stock/saw"] = Counts(version, {**of, **counters})

    assert await said(busy) == sentences


async def test_a_movement_that_is_lost_is_missed(busy):
    for key in [key for key in busy.records.documents if key.startswith("movement/saw/")]:
        del busy.records.documents[key]

    assert await said(busy) == ["stock of saw: 6 on hand, 3 sold, but staff's movements add up to 0"]


async def test_counters_of_a_product_that_never_moved_are_named(busy):
    busy.records.counters["stock/axe"] = Counts(1, {"onHand": 1, "available": 1})

    assert await said(busy) == ["stock of axe: 1 on hand, 0 sold, but staff's movements add up to 0"]


async def test_a_reservation_of_what_has_no_counters_is_named(busy):
    kept = read(busy.records, "reservation/kept")
    put(busy.records, replace(kept, lines=(*kept.lines, Line("gone", 1)), done=2))

    assert await said(busy) == ["stock of gone: 0 on hand, 0 available, but reservations hold 1"]


async def test_what_should_have_come_to_rest_is_named_after_ten_minutes(busy, time):
    released = read(busy.records, "reservation/cancelled")
    put(busy.records, replace(released, status="releasing"))

    time.passes(timedelta(minutes=10))
    assert await said(busy) == []
    time.passes(timedelta(seconds=1))
    assert await said(busy) == ["reservation/cancelled: releasing for more than 10 minutes, at line 0 of 1"]


async def test_what_happens_meanwhile_is_no_difference(time, catalog_over, delivered):
    """Two looks are disturbed after the reservations were read and before the counters are; the third is not."""
    orders = []

    async def disturb(name):
        if name == "scan" and catalog.records.calls.count("scan") in (4, 7):  # the reservations are read
            orders.append(f"o{len(orders)}")
            await catalog.reserve(order_id=orders[-1], lines=(Line("saw", 1),), cause=delivered())

    catalog = catalog_over(time, pause=disturb)
    await catalog.lists("saw", on_hand=9)
    await catalog.lists("axe", on_hand=9)

    assert await said(catalog) == []
    assert len(orders) == 2


async def test_what_never_stands_still_is_said_to_be_not_checked(time, catalog_over, delivered):
    orders = []

    async def disturb(name):
        if name == "scan" and not moving:
            moving.append(True)
            orders.append(f"o{len(orders)}")
            await catalog.reserve(order_id=orders[-1], lines=(Line("saw", 1),), cause=delivered())
            moving.clear()

    moving: list[bool] = []
    catalog = catalog_over(time, pause=disturb)
    await catalog.lists("saw", on_hand=99)
    await catalog.lists("axe", on_hand=9)
    version, of = catalog.records.counters["stock/saw"]
    catalog.records.counters["stock/saw"] = Counts(version, {**of, "sold": 1})

    (sentence,) = await said(catalog)

    assert sentence.startswith("stock of saw: not checked, it moved during each of 6 looks")
