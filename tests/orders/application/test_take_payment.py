"""What the payment provider tells: kept once, told on if it fits."""

from __future__ import annotations

import asyncio

import pytest

from shop.orders.application.take_payment import PaymentRefused
from shop.platform.retry import again


@pytest.fixture
async def order(placed):
    return await placed(cup=2)


@pytest.fixture
def take(wired, order, because):
    def told(**other):
        facts = {"payment_id": "pay_1", "order_id": order.order_id, "amount": "19.98", "currency": "EUR"}
        return again(wired.take_payment(), **(facts | {"status": "completed"} | other), cause=because())

    return told


@pytest.fixture
def kept(wired):
    return lambda payment_id, status="completed": wired.orders().payment(payment_id, status)


@pytest.mark.parametrize("status", ["completed", "failed"])
async def test_a_payment_that_fits_is_kept_and_told_on(take, kept, published, order, status):
    assert await take(status=status)

    payment = await kept("pay_1", status)
    assert (payment.order_id, payment.amount, payment.status, payment.refused) == (
        order.order_id,
        "19.98",
        status,
        None,
    )
    assert published(f"payment.{status}") == [
        (
            f"payment.{status}",
            {"paymentId": "pay_1", "orderId": order.order_id, "amount": "19.98", "currency": "EUR"},
        )
    ]


async def test_a_payment_that_is_told_again_is_not_new(take, published):
    assert [await take(), await take(), await take()] == [True, False, False]
    assert len(published("payment.completed")) == 1


async def test_a_payment_that_is_told_twenty_times_at_once_is_told_on_once(take, published):
    assert sorted(await asyncio.gather(*(take() for _ in range(20)))) == [False] * 19 + [True]
    assert len(published("payment.completed")) == 1


async def test_the_amount_may_be_written_another_way(take, published):
    assert await take(amount="19.980")
    assert len(published("payment.completed")) == 1


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"amount": "19.97"}, "19.98"),
        ({"amount": "-19.98"}, "19.98"),
        ({"amount": "1998"}, "19.98"),
        ({"amount": "x"}, "no amount"),
        ({"amount": ""}, "no amount"),
        ({"amount": "19.985"}, "decimals"),
        ({"currency": "USD"}, "EUR"),
        ({"currency": "eur"}, "EUR"),
        ({"order_id": "ord_none"}, "no such order"),
    ],
    ids=str,
)
async def test_a_payment_that_does_not_fit_is_recorded_once_and_not_told_on(take, wired, order, published, other, why):
    for _ in range(2):
        with pytest.raises(PaymentRefused, match=why):
            await take(**other)

    payments, _ = await wired.orders().payments(other.get("order_id", order.order_id), after=None, limit=10)
    assert [why in payment.refused for payment in payments] == [True]
    assert published("payment.completed", "payment.failed") == []


@pytest.mark.parametrize("payment_id", ["pay_1", "pay_2"])
async def test_a_refused_payment_stands_in_the_way_of_none(take, published, payment_id):
    with pytest.raises(PaymentRefused):
        await take(amount="1.00")

    assert await take(payment_id=payment_id)
    assert [data["paymentId"] for _, data in published("payment.completed")] == [payment_id]


async def test_a_payment_told_again_with_another_amount_is_refused_recorded_and_counts_as_it_was(
    take, wired, order, published
):
    await take()
    for _ in range(3):
        with pytest.raises(PaymentRefused, match="told before"):
            await take(amount="19.97")

    payments, _ = await wired.orders().payments(order.order_id, after=None, limit=10)
    assert sorted((payment.amount, payment.refused is None) for payment in payments) == [
        ("19.97", False),
        ("19.98", True),
    ]
    assert len(published("payment.completed")) == 1


async def test_a_payment_that_failed_at_first_may_be_completed_later(take, published):
    await take(status="failed")
    await take(status="completed")

    assert [data["paymentId"] for _, data in published("payment.completed")] == ["pay_1"]
