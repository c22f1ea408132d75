"""What orders hears from others, and what it makes of it."""

from __future__ import annotations

import msgspec
import pytest

from shop.kernel.events import Envelope
from shop.orders.application.queries import NoSuchOrder
from shop.orders.domain.order import Status


@pytest.fixture
def hear(wired, because):
    """Tells orders of an event with this data, as it comes over a bus; each with an id of its own."""
    table = wired.reactions().table()

    async def told(kind, subject, event_id="evt_1", **data):
        envelope = Envelope(
            id=event_id,
            type=kind,
            source="/shop/somebody",
            subject=subject,
            time="2026-11-23T04:00:00.000000Z",
            dataschema=f"urn:shop:{kind}:1",
            data=msgspec.Raw(msgspec.json.encode(data)),
        )
        await table[kind](envelope, because(event_id))

    return told


@pytest.fixture
def now(wired):
    return lambda order: wired.read_orders().one(order_id=order.order_id, of_customer=None)


async def test_reserved_stock_and_a_payment_complete_an_order(hear, placed, now):
    order = await placed(cup=2)

    await hear("stock.reserved", order.order_id, orderId=order.order_id, futureField=[1])
    payment = {"paymentId": "pay_1", "orderId": order.order_id, "amount": "19.98", "currency": "EUR"}
    await hear("payment.completed", order.order_id, "evt_2", **payment)
    await hear("reward.issued", "c1", "evt_3", customerId="c1", points=19, orderId=order.order_id)

    after = await now(order)
    assert after.status is Status.COMPLETED
    assert [(moment.what, moment.by, moment.detail) for moment in after.timeline[1:]] == [
        ("stock.reserved", "evt_1", None),
        ("payment.completed", "evt_2", "pay_1"),
        ("reward.issued", "evt_3", "19 points"),
    ]


async def test_rejected_stock_cancels_an_order_and_what_was_short_is_asked_for_again(hear, placed, now, shelf):
    order = await placed(cup=2, pot=1)
    short = [{"productId": "cup", "wanted": 2, "available": 1}]
    asked = shelf.asked

    await hear("stock.rejected", order.order_id, orderId=order.order_id, short=short)

    assert (await now(order)).status is Status.CANCELLED
    assert (await now(order)).timeline[-1].detail == "cup"
    await placed(pot=1)
    assert shelf.asked == asked
    await placed(cup=1)
    assert shelf.asked == asked + 1


@pytest.mark.parametrize("kind", ["product.created", "product.updated", "product.price.changed"])
async def test_a_product_that_changed_is_asked_for_again(hear, placed, shelf, kind):
    await placed(cup=1, pot=1)
    shelf.has("cup", "1.00")

    await hear(kind, "cup", anything="at all")

    assert (await placed(cup=1)).total.minor == 100
    assert shelf.asked == 2


async def test_a_fact_of_an_order_nobody_knows_is_not_swallowed(hear):
    with pytest.raises(NoSuchOrder):
        await hear("stock.reserved", "ord_none", orderId="ord_none")
