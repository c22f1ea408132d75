"""Paid orders that the catalog has not spoken of are told of again, ever more seldom."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shop.kernel.events import Cause


@pytest.fixture
def pay(wired, because):
    async def paid(order):
        told = {"payment_id": "pay_1", "amount": order.to_pay, "taken_at": "2026-11-23T04:00:00.000000Z"}
        await wired.record_payment()(order_id=order.order_id, **told, cause=because("evt_pay"))

    return paid


@pytest.fixture
def nudge(wired):
    return lambda: wired.nudge_orders()(cause=Cause(id="job"))


async def test_a_paid_order_without_an_answer_is_told_of_again_with_the_same_lines(
    placed, pay, nudge, clock, published
):
    order = await placed(cup=2, pot=1)
    await pay(order)

    too_early = await nudge()
    clock.forward(timedelta(minutes=10))
    nudged = await nudge()

    first, again = published("order.created")
    assert (too_early, nudged) == (0, 1)
    assert first == again


async def test_orders_that_are_unpaid_or_have_their_answer_are_left_alone(wired, placed, pay, nudge, clock, because):
    await placed(cup=1)
    answered = await placed(cup=1)
    await pay(answered)
    await wired.record_stock()(order_id=answered.order_id, outcome="reserved", cause=because("evt_stock"))
    clock.forward(timedelta(minutes=10))

    assert await nudge() == 0


async def test_the_older_it_is_the_more_seldom(placed, pay, nudge, clock):
    await pay(await placed(cup=1))

    nudged = []
    for run in range(1, 145):  # a day
        clock.forward(timedelta(minutes=10))
        if await nudge():
            nudged.append(run * 10)

    assert nudged == [10, 20, 40, 80, 160, 320, 640, 1280]


async def test_all_pages_of_pending_orders_are_looked_through(placed, pay, nudge, clock):
    for _ in range(101):
        await placed(cup=1)
    await pay(await placed(cup=1))
    clock.forward(timedelta(minutes=10))

    assert await nudge() == 1
