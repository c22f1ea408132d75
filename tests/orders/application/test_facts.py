"""What becomes of an order as facts arrive: each once, and told once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import permutations

import pytest

from shop.kernel.money import Money
from shop.orders.application.queries import NoSuchOrder
from shop.orders.domain.order import Status
from shop.platform.retry import again

TOTAL = Money(1998, "EUR")
TAKEN = "2026-11-23T04:00:00.000000Z"
TOLD = ("order.completed", "order.cancelled", "refund.due")


@pytest.fixture
async def order(placed):
    return await placed(cup=2)


@pytest.fixture
def stock(wired, order, because):
    def record(outcome="reserved", by="evt_stock"):
        return again(wired.record_stock(), order_id=order.order_id, outcome=outcome, cause=because(by))

    return record


@pytest.fixture
def pay(wired, order, because):
    def record(payment_id="pay_1", by=None):
        cause = because(by or f"evt_{payment_id}")
        told = {"payment_id": payment_id, "amount": TOTAL, "taken_at": TAKEN}
        return again(wired.record_payment(), order_id=order.order_id, cause=cause, **told)

    return record


@pytest.fixture
def now(wired, order):
    return lambda: wired.read_orders().one(order_id=order.order_id, of_customer=None)


async def test_reserved_stock_confirms_an_order_and_payment_completes_it(stock, pay, now, published, order):
    await stock()
    assert (await now()).status is Status.CONFIRMED
    await pay()

    assert (await now()).status is Status.COMPLETED
    assert published(*TOLD) == [
        ("order.completed", {"orderId": order.order_id, "customerId": "c1", "total": "19.98", "currency": "EUR"})
    ]


async def test_payment_may_come_before_stock(stock, pay, now, published):
    await pay()
    assert (await now()).status is Status.PENDING
    assert published(*TOLD) == []
    await stock()

    assert (await now()).status is Status.COMPLETED
    assert [kind for kind, _ in published(*TOLD)] == ["order.completed"]


async def test_a_fact_that_comes_twice_is_told_once_and_writes_nothing(stock, pay, now, published):
    await stock()
    await pay()
    before = await now()

    await stock(by="evt_again")
    await pay(by="evt_again")

    assert await now() == before
    assert [kind for kind, _ in published(*TOLD)] == ["order.completed"]


async def test_rejected_stock_cancels_an_order(stock, now, published, order):
    await stock("rejected")

    assert (await now()).status is Status.CANCELLED
    assert (await now()).reason == "out_of_stock"
    assert published(*TOLD) == [
        ("order.cancelled", {"orderId": order.order_id, "customerId": "c1", "reason": "out_of_stock"})
    ]


@pytest.mark.parametrize("payment_first", [True, False])
async def test_a_payment_of_a_rejected_order_is_owed_back_once(stock, pay, published, order, payment_first):
    facts = [pay, lambda: stock("rejected")]
    for fact in facts if payment_first else reversed(facts):
        await fact()
    await pay()
    await stock("rejected")

    assert published("refund.due") == [
        (
            "refund.due",
            {
                "orderId": order.order_id,
                "paymentId": "pay_1",
                "amount": "19.98",
                "currency": "EUR",
                "reason": "cancelled:out_of_stock",
                "refundId": None,
            },
        )
    ]


async def test_the_second_payment_is_owed_back(stock, pay, published):
    await stock()
    await pay("pay_1")
    await pay("pay_2")
    await pay("pay_2")

    assert [(data["paymentId"], data["reason"]) for _, data in published("refund.due")] == [("pay_2", "paid_twice")]


@pytest.mark.parametrize("outcome", ["reserved", "rejected"])
async def test_in_whatever_order_facts_come_they_end_the_same(wired, placed, because, published, outcome):
    ends = set()
    for way in permutations(["stock", "pay_1", "pay_2"]):
        order = await placed(cup=2)
        for fact in (*way, *way):
            if fact == "stock":
                await wired.record_stock()(order_id=order.order_id, outcome=outcome, cause=because(fact))
            else:
                amounts = {"payment_id": fact, "amount": TOTAL, "taken_at": f"{TAKEN}{fact}"}
                await wired.record_payment()(order_id=order.order_id, cause=because(fact), **amounts)
        events = [(kind, data) for kind, data in published(*TOLD) if data["orderId"] == order.order_id]
        owed = sorted((data["paymentId"], data["amount"]) for kind, data in events if kind == "refund.due")
        ends.add((*sorted(kind for kind, _ in events), *owed))

    assert len(ends) == 1


async def test_facts_that_come_all_at_once_are_all_kept(stock, pay, now, published):
    await asyncio.gather(stock(), pay("pay_1"), pay("pay_2"), pay("pay_1"))

    order = await now()
    assert order.status is Status.COMPLETED
    assert set(order.payments) == {"pay_1", "pay_2"}
    assert sorted(kind for kind, _ in published(*TOLD)) == ["order.completed", "refund.due"]


async def test_facts_of_an_order_nobody_knows_are_refused(wired, because):
    with pytest.raises(NoSuchOrder):
        await wired.record_stock()(order_id="ord_none", outcome="reserved", cause=because())
    with pytest.raises(NoSuchOrder):
        await wired.record_payment()(order_id="ord_none", payment_id="p", amount=TOTAL, taken_at=TAKEN, cause=because())
    with pytest.raises(NoSuchOrder):
        await wired.note()(order_id="ord_none", what="reward.issued", cause=because())


async def test_a_note_stands_on_the_timeline_once(wired, order, because, now, clock):
    clock.forward(timedelta(seconds=1))
    for _ in range(2):
        await wired.note()(order_id=order.order_id, what="reward.issued", detail="19 points", cause=because("evt_9"))

    assert [(m.what, m.at, m.by, m.detail) for m in (await now()).timeline[1:]] == [
        ("reward.issued", "2026-11-23T04:00:01.000000Z", "evt_9", "19 points")
    ]
    assert (await now()).version == 2
