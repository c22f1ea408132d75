"""What orders hears from others, and what it makes of it."""

from __future__ import annotations

import msgspec
import pytest

from shop.kernel.events import Envelope
from shop.orders.application.ports import NotForgotten
from shop.orders.application.queries import NoSuchOrder
from shop.orders.domain.order import Status
from shop.platform.http.second_layer import LayerUnavailable


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


PRICE = {"basePrice": "1.00", "currency": "EUR"}
TELLS = {
    "product.created": {"sku": "CUP", "category": "Home/Cups", "groupId": "g, 1", "price": PRICE},
    "product.updated": {"sku": "CUP", "changed": ["category"], "oldCategory": "Home", "newCategory": "Bar/Cups"},
    "product.price.changed": {"sku": "CUP", "category": "Home", "old": PRICE, "new": PRICE},
}


@pytest.mark.parametrize("kind", TELLS)
async def test_a_product_that_changed_is_asked_for_again(hear, placed, shelf, kind):
    await placed(cup=1, pot=1)
    shelf.has("cup", "1.00")

    await hear(kind, "cup", productId="cup", futureField=[1], **TELLS[kind])

    assert (await placed(cup=1)).total.minor == 100
    assert shelf.asked == 2


@pytest.mark.parametrize(
    ("kind", "more", "tags"),
    [
        (
            "product.created",
            {},
            "product:cup sku:CUP products:all group:g%2C%201 category:Home category:Home/Cups",
        ),
        ("product.updated", {}, "product:cup sku:CUP products:all category:Home category:Bar category:Bar/Cups"),
        ("product.updated", {"changed": ["inStock"]}, "product:cup"),
        ("product.updated", {"changed": ["name", "inStock"], "newCategory": "Home"}, None),
        ("product.price.changed", {}, "product:cup"),
    ],
)
async def test_what_is_dropped_is_the_product_and_every_list_it_may_come_onto_or_leave(
    hear, catalog_client, monkeypatch, kind, more, tags
):
    dropped = []
    monkeypatch.setattr(catalog_client._memory, "drop", dropped.extend)  # there is nothing in it that would tell

    await hear(kind, "cup", productId="cup", **TELLS[kind] | more)

    assert dropped == (tags or "product:cup sku:CUP products:all category:Home").split()


async def test_an_invalidation_that_fails_is_delivered_again_but_holds_up_no_order(
    hear, wired, placed, now, monkeypatch
):
    class Deaf:
        async def invalidate(self, _):
            raise LayerUnavailable("redis is away")

    order = await placed(cup=1)
    monkeypatch.setattr(wired.catalog_client(), "_shared", Deaf())  # a Redis that is away, without one

    with pytest.raises(NotForgotten):
        await hear("product.price.changed", "cup", productId="cup", **TELLS["product.price.changed"])
    short = [{"productId": "cup", "wanted": 1, "available": 0}]
    await hear("stock.rejected", order.order_id, "evt_2", orderId=order.order_id, short=short)

    assert (await now(order)).status is Status.CANCELLED


async def test_a_fact_of_an_order_nobody_knows_is_not_swallowed(hear):
    with pytest.raises(NoSuchOrder):
        await hear("stock.reserved", "ord_none", orderId="ord_none")
