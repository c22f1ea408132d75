"""Credit from redeemed points: used once, given back once, never below zero."""

from __future__ import annotations

import asyncio

import pytest

from shop.kernel.money import Money
from shop.platform.retry import tried


@pytest.fixture
def keep(wired, because):
    def kept(redemption_id="rdm_1", minor=500, currency="EUR", delivery=None):
        amount = Money(minor, currency)
        cause = because(f"evt_{redemption_id}", delivery=delivery)
        return tried(50, wired.keep_credit(), redemption_id=redemption_id, customer_id="c1", amount=amount, cause=cause)

    return kept


@pytest.fixture
def left(wired):
    async def credit(currency="EUR"):
        return (await wired.orders().credit("c1")).get(currency, 0)

    return credit


async def test_a_redemption_is_credit_once_however_often_it_is_heard(keep, left):
    await asyncio.gather(*(keep() for _ in range(5)))
    await keep()

    assert await left() == 500


async def test_an_order_uses_the_credit_it_can(keep, placed, left):
    await keep(minor=2500)

    first = await placed(cup=2, use_credit=True)
    second = await placed(cup=2, use_credit=True)

    assert (first.credit_used, first.to_pay.minor) == (1998, 0)
    assert (second.credit_used, second.to_pay.minor) == (502, 1496)
    assert await left() == 0


async def test_an_order_that_does_not_ask_for_it_or_is_in_another_currency_uses_none(keep, placed, left):
    await keep()

    assert (await placed(cup=1)).credit_used == 0
    assert (await placed(usd=1, use_credit=True)).credit_used == 0
    assert await left() == 500


async def test_credit_is_used_once_however_many_orders_race_for_it(wired, keep, new, because, left):
    await keep(minor=5000)

    orders = await asyncio.gather(
        *(
            tried(50, wired.create_order(), wanted=new(cup=1, use_credit=True), cause=because(f"req_{n}"))
            for n in range(12)
        )
    )

    assert sorted((order.credit_used for order, _ in orders), reverse=True) == [999] * 5 + [5] + [0] * 6
    assert await left() == 0


async def test_a_cancelled_order_gives_its_credit_back_once(wired, keep, placed, because, left):
    await keep()
    order = await placed(cup=1, use_credit=True)

    for by in ("req_7", "req_8"):
        await wired.cancel_order()(order_id=order.order_id, of_customer=None, reason="staff", cause=because(by))

    assert await left() == 500


@pytest.mark.parametrize("cancelled_first", [True, False])
async def test_rejected_stock_and_cancelling_give_it_back_once_between_them(
    wired, keep, placed, because, left, cancelled_first
):
    await keep()
    order = await placed(cup=1, use_credit=True)
    acts = [
        lambda: wired.cancel_order()(order_id=order.order_id, of_customer=None, reason="staff", cause=because("req_7")),
        lambda: wired.record_stock()(order_id=order.order_id, outcome="rejected", cause=because("evt_8")),
    ]

    for act in acts if cancelled_first else reversed(acts):
        await act()

    assert await left() == 500


async def test_an_order_that_owes_nothing_completes_when_its_stock_is_reserved(wired, keep, placed, because, published):
    await keep(minor=999)
    order = await placed(cup=1, use_credit=True)

    await wired.record_stock()(order_id=order.order_id, outcome="reserved", cause=because("evt_1"))

    assert [data["total"] for _, data in published("order.completed")] == ["9.99"]


async def test_credit_is_in_the_same_commit_as_the_redemptions_note(keep, left, store):
    await keep(minor=1)
    before = store.statistics.units

    await keep(redemption_id="rdm_2", minor=1)

    assert store.statistics.units == before + 1
    assert await left() == 2
