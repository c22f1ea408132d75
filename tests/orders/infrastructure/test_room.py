"""A document is 350 KB at most, and what is heard of an order cannot be refused: what can be, leaves room for it."""

from __future__ import annotations

import random
from itertools import count

import pytest

from shop.kernel.idempotency import Once
from shop.kernel.money import Money
from shop.orders.domain.order import Status
from shop.orders.domain.refund import RefundedLine
from shop.platform.storage.port import TooMuch

LINES = 1500


@pytest.fixture
def wish(shelf, new):
    """An order of many lines, of which so many bytes cannot be compressed, roughly."""
    chance = random.Random(7)

    def order(size):
        products = [f"{chance.getrandbits(size // LINES * 8):x}" for _ in range(LINES)]
        for product_id in products:
            shelf.has(product_id, "1.00", name="")
        return new(**dict.fromkeys(products, 500))  # more than there will be refunds of it

    return order


async def until_too_much(act, *args):
    for _ in range(40):
        try:
            await act(*args)
        except TooMuch:
            return
    raise AssertionError("there is always room for more")


async def test_an_order_that_would_have_no_room_left_is_refused(wired, wish, because):
    with pytest.raises(TooMuch):
        await wired.create_order()(wanted=wish(290_000), cause=because())


async def test_an_order_full_of_refunds_takes_in_what_is_heard_of_it(wired, wish, because):
    order, _ = await wired.create_order()(wanted=wish(220_000), cause=because())
    keys = count()
    told = {"order_id": order.order_id, "taken_at": order.created_at, "amount": order.to_pay}

    def refund(wanted):
        once = Once(key=f"clerk/refund-order/{next(keys)}", fingerprint="")
        return wired.refund_order()(order_id=order.order_id, wanted=wanted, once=once, cause=because())

    await wired.record_stock()(order_id=order.order_id, outcome="reserved", cause=because("evt_stock"))
    await wired.record_payment()(payment_id="pay_1", cause=because("evt_pay"), **told)
    for most in (LINES, 300, 50, 10):
        goods = [RefundedLine(product_id=line.product_id, quantity=1) for line in order.lines[:most]]
        await until_too_much(refund, goods)
    for number in range(20):
        await refund(str(Money(number + 1, "EUR")))
        await wired.note()(order_id=order.order_id, what="reward.reversed", cause=because(f"evt_{number}"))
    await wired.record_payment()(payment_id="pay_2" * 40, cause=because("evt_again"), **told)

    now = await wired.orders().get(order.order_id)
    assert now.status is Status.COMPLETED
    assert len(now.refunds) > 20
    assert len(now.payments) == 2
