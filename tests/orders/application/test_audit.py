"""The audit is silent about a store that is right, and names each thing that is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shop.kernel.money import Money
from shop.orders.application.ports import CreditNote
from shop.orders.domain.order import Captured
from shop.orders.domain.refund import RefundedLine
from shop.platform.storage.port import Change, Put


@pytest.fixture
def audited(wired):
    async def sentences():
        return [sentence async for sentence in wired.audit()()]

    return sentences


@pytest.fixture
async def busy(wired, placed, because, new):
    """Orders in every state, one of them refunded, with credit."""
    await wired.keep_credit()(
        redemption_id="rdm_1", customer_id="c1", amount=Money(1500, "EUR"), cause=because("evt_credit")
    )
    for n, what in enumerate(["pending", "confirmed", "cancelled", "rejected", "refunded"]):
        order = await placed(cup=2, use_credit=True)
        cause = because(f"evt_{n}")
        if what in ("confirmed", "refunded"):
            await wired.record_stock()(order_id=order.order_id, outcome="reserved", cause=cause)
        if what == "rejected":
            await wired.record_stock()(order_id=order.order_id, outcome="rejected", cause=cause)
        if what != "pending":
            await pay(wired, order, because)
        if what == "cancelled":
            await wired.cancel_order()(order_id=order.order_id, of_customer=None, reason="staff", cause=cause)
        if what == "refunded":
            once = new().once
            await wired.refund_order()(
                order_id=order.order_id,
                wanted=[RefundedLine(product_id="cup", quantity=2, restock=True)],
                once=once,
                cause=cause,
            )
    return order.order_id


async def pay(wired, order, because, payment_id=None):
    payment_id = payment_id or f"pay_{order.order_id}"
    told = {"payment_id": payment_id, "order_id": order.order_id, "amount": str(order.to_pay), "currency": "EUR"}
    if order.to_pay.minor:
        await wired.take_payment()(**told, status="completed", cause=because())
        await wired.record_payment()(
            order_id=order.order_id, payment_id=payment_id, amount=order.to_pay, taken_at="t", cause=because()
        )


async def test_a_store_that_is_right_has_no_differences(audited, busy):
    assert busy
    assert await audited() == []


async def test_credit_that_came_from_nowhere_is_named(audited, busy, wired):
    note = Put(key="other/1", body=b"{}", was=0)
    await wired.records().commit(puts=[note], changes=[Change(key="credit/c1", by={"EUR": 7})])

    assert busy
    (sentence,) = await audited()
    assert sentence.startswith("credit of c1: ")


async def test_a_credit_note_without_its_credit_is_named(audited, wired, because):
    note = CreditNote(redemption_id="rdm_9", customer_id="c9", amount=500, currency="EUR", at="t")
    await wired.orders().add_credit(note, cause=because())
    await wired.records().commit(
        puts=[Put(key="other/1", body=b"{}", was=0)], changes=[Change(key="credit/c9", by={"EUR": -500})]
    )

    assert await audited() == ["credit of c9: 0.00 EUR is left, but 5.00 came and orders hold 0.00"]


async def test_a_payment_that_its_order_never_heard_of_is_named_after_some_minutes(
    audited, wired, placed, because, clock
):
    order = await placed(cup=2)
    told = {"payment_id": "pay_1", "order_id": order.order_id, "amount": "19.98", "currency": "EUR"}
    await wired.take_payment()(**told, status="completed", cause=because())

    assert await audited() == []
    clock.forward(timedelta(minutes=11))
    (sentence,) = await audited()
    assert sentence.startswith(f"order {order.order_id}: payment pay_1 was taken")


async def test_an_order_whose_money_does_not_add_up_is_named(audited, wired, placed, because):
    order = await placed(cup=2)
    short = replace(order, version=1, stock="reserved", payments={"pay_1": Captured(amount=1, at="t")})
    await wired.orders().save(short, events=[], cause=because())

    (sentence,) = await audited()
    assert sentence == f"order {order.order_id}: 1 was paid, but 1998 is kept and 0 owed back (minor units)"
