"""A completed order earns points: once per rule, however often and in whatever crowd it is told."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from shop.kernel.money import Money
from shop.orders.contract import OrderCompleted
from shop.platform.bus_local import LocalBus
from shop.platform.storage.port import Layout
from shop.rewards.application.earn_points import EarnPoints
from shop.rewards.domain.earning import EARNING, Earning

TOTAL = Money(2999, "EUR")


@pytest.fixture
def earn(wired, because, clock):
    def told(order_id="ord_1", *, customer="c1", total=TOTAL, act=None, by="evt_1"):
        act = act or wired.earn_points()
        return act(customer_id=customer, order_id=order_id, total=total, completed=clock(), cause=because(by))

    return told


async def test_a_completed_order_earns_points(wired, earn, entries, published):
    await earn("ord_7")

    assert (await wired.ledger().account("c1")).balance == 29
    assert [(e.source, e.points, e.balance_after, e.at) for e in await entries()] == [
        ("ord_7", 29, 29, "2026-11-23T04:00:00.000000Z")
    ]
    assert published("reward.issued") == [{"customerId": "c1", "points": 29, "orderId": "ord_7"}]


async def test_an_order_earns_once_per_rule_however_often_it_is_told(wired, earn, entries, published):
    for n in range(3):
        await earn("ord_7", by=f"evt_{n}")

    assert (await wired.ledger().account("c1")).version == 1
    assert len(await entries()) == len(published("reward.issued")) == 1


async def test_every_rule_earns(wired, earn, entries, published, clock):
    double = Earning(name="double-days", points=lambda total: total.whole_units)
    act = EarnPoints(ledger=wired.ledger(), clock=clock, rules=[*EARNING, double])
    for _ in range(2):
        await earn("ord_7", act=act)

    assert (await wired.ledger().account("c1")).balance == 58
    assert [(e.rule, e.balance_after) for e in await entries()] == [("double-days", 58), ("one-per-unit", 29)]
    assert len(published("reward.issued")) == 2


async def test_a_rule_that_is_new_earns_for_an_order_that_is_told_again(wired, earn, clock):
    await earn("ord_7")
    late = Earning(name="late", points=lambda _: 5)
    await earn("ord_7", act=EarnPoints(ledger=wired.ledger(), clock=clock, rules=[*EARNING, late]))

    assert (await wired.ledger().account("c1")).balance == 34


async def test_an_order_that_earns_nothing_writes_nothing(wired, earn, entries, published):
    await earn(total=Money(99, "EUR"))

    assert (await wired.ledger().account("c1")).version == 0
    assert await entries() == []
    assert published("reward.issued") == []


async def test_orders_of_two_customers_do_not_mix(wired, earn):
    await earn("ord_1", customer="c1")
    await earn("ord_2", customer="c2", total=Money(500, "JPY"))

    assert (await wired.ledger().account("c1")).balance == 29
    assert (await wired.ledger().account("c2")).balance == 500


async def test_time_never_runs_backwards_in_a_ledger(earn, entries, clock):
    await earn("ord_1")
    clock.forward(-timedelta(days=1))
    await earn("ord_2")

    assert [(e.source, e.at) for e in await entries()] == [
        ("ord_2", "2026-11-23T04:00:00.000000Z"),
        ("ord_1", "2026-11-23T04:00:00.000000Z"),
    ]


@pytest.mark.parametrize("copies", [1, 3])
async def test_fifty_orders_of_one_customer_at_once_end_right(
    wired, store, entries, published, completed, clock, copies
):
    bus = LocalBus(store, clock=clock)
    await bus.start({"rewards": wired.reactions().table()}, {}, alone=True)
    events = [completed(f"ord_{n}") for n in range(50) for _ in range(copies)]
    await store.records(Layout(context="senders")).commit(events=events)

    async with asyncio.timeout(10):
        for _ in range(20):  # what conflicted too often is tried again minutes later
            while not bus.idle():  # noqa: ASYNC110 - the bus has no bell
                await asyncio.sleep(0.002)
            clock.forward(timedelta(minutes=2))
    await bus.stop()

    ledger = await entries()
    assert (await wired.ledger().account("c1")).balance == 50 * 29
    assert sorted(e.source for e in ledger) == sorted(f"ord_{n}" for n in range(50))
    assert [e.balance_after for e in ledger] == [n * 29 for n in range(50, 0, -1)]
    assert len(published("reward.issued")) == 50


@pytest.mark.parametrize("inbox", [False])
async def test_the_same_delivery_twice_has_one_effect_even_without_an_inbox(wired, because, published, completed):
    react = wired.reactions().table()[OrderCompleted.TYPE]

    for _ in range(2):
        await react(completed("ord_1"), because("evt_1", delivery=1))

    account = await wired.ledger().account("c1")
    assert (account.balance, account.version) == (29, 1)
    assert len(published("reward.issued")) == 1


async def test_points_expire_by_when_the_order_was_completed_not_by_when_that_was_heard(
    hear, completed, account, clock
):
    clock.forward(timedelta(days=20))

    await hear(completed("ord_1", at="2026-11-30T23:59:59.999999Z"))

    assert (await account()).left == {"2028-11": 29}


async def test_points_that_come_years_too_late_live_until_the_month_is_over(hear, completed, account, clock):
    clock.forward(timedelta(days=1000))  # August 2029

    await hear(completed("ord_1"))

    assert (await account()).left == {"2029-08": 29}
