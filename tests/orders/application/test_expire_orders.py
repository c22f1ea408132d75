"""Orders that nobody paid in time: each expires for itself."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shop.orders.application.take_payment import PaymentRefused
from shop.orders.domain.order import Status


@pytest.fixture
def expire(wired, because, clock):
    """Half an hour and a minute later."""

    async def expired():
        clock.forward(timedelta(minutes=31))
        return await wired.expire_orders()(cause=because("job_expire-orders"))

    return expired


@pytest.fixture
def now(wired):
    async def status(order):
        return (await wired.orders().get(order.order_id)).status

    return status


async def test_one_that_cannot_be_expired_does_not_keep_the_others_from_it(placed, store, clock, expire, now):
    damaged = await placed(cup=1)
    clock.forward(timedelta(seconds=1))
    later = await placed(cup=1)
    key = f"order/{damaged.order_id}"
    await store.file.write(lambda c: c.execute("UPDATE orders_documents SET body = ? WHERE key = ?", (b"{", key)))

    assert await expire() == 1
    assert await now(later) is Status.CANCELLED


@pytest.mark.parametrize(("amount", "status", "expired"), [
    ("9.99", "completed", 0), ("9.99", "failed", 1), ("9.98", "completed", 1),
])  # fmt: skip
async def test_a_payment_that_was_taken_keeps_an_order_that_has_not_heard_of_it(
    placed, wired, because, expire, amount, status, expired
):
    order = await placed(cup=1)
    told = {"payment_id": "pay_1", "order_id": order.order_id, "amount": amount, "currency": "EUR", "status": status}
    try:
        await wired.take_payment()(**told, cause=because())
    except PaymentRefused:
        assert amount == "9.98"

    assert await expire() == expired
