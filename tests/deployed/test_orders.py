"""Orders on the stack as it is deployed: quick, and each of their events counted once."""

from __future__ import annotations

import json

import pytest

from parity.warm import warm

pytestmark = [pytest.mark.aws, pytest.mark.xdist_group("deployed")]


async def test_points_are_there_soon_after_an_order_is_paid(shop, record_property):
    measured = await warm(shop.story, orders=5)

    record_property("paid_to_points_seconds", measured.points)  # `python -m parity.warm` shows them
    assert (len(measured.confirmed), len(measured.points)) == (5, 5)


async def test_every_event_that_comes_five_times_more_is_counted_once(shop):
    await shop.story.sell("cup", price="10.00", on_hand=5)
    order = await shop.ordered("ann", "cup")
    await shop.story.pay(order)
    await shop.story.until_quiet()
    refund = {"lines": [{"productId": "cup", "quantity": 1, "restock": True}]}
    other = await shop.ordered("ann", "cup", key="two")
    await shop.story.pay(other, payment_id="pay_2")
    await shop.story.until_quiet()
    refunded = await shop.story.http.post(
        f"/orders/{other['orderId']}/refunds",
        headers=shop.story.bearer("clerk", "staff") | {"Idempotency-Key": "r"},
        json=refund,
    )
    assert refunded.status_code == 201, refunded.text
    await shop.story.until_quiet()
    before, events = await everything(shop, order, other), await shop.story.events()

    for _ in range(5):
        await shop.stack.publish(*events)  # on the bus, as a relay that was cut off does
    for context, heard in HEARD.items():  # and in the queues, as SQS may
        bodies = [json.dumps({"detail": event}) for event in events if event["type"] in heard]
        await shop.stack.send(context, *bodies)
    await shop.story.until_quiet()

    assert await everything(shop, order, other) == before
    assert {event["id"] for event in await shop.story.events()} == {event["id"] for event in events}
    assert before["points"] == 10
    assert (before["stock"]["onHand"], before["stock"]["sold"], before["stock"]["available"]) == (4, 1, 4)
    assert await shop.stack.dead() == {}


HEARD = {
    "catalog": ("order.created", "order.completed", "order.refunded"),
    "orders": ("stock.reserved", "payment.completed", "reward.issued", "reward.reversed"),
    "rewards": ("order.completed", "order.refunded"),
}


async def everything(shop, *orders):
    """What there is to see of Ann's orders and the cup."""
    story, staff = shop.story, shop.story.bearer("clerk", "staff")
    paths = [f"/orders/{order['orderId']}/payments" for order in orders] + ["/rewards/ann/ledger", "/credit/ann"]
    return {
        "stock": await story.stock("cup"),
        "points": await story.points("ann"),
        "orders": [await story.read(order, "ann") for order in orders],
        **{path: (await story.http.get(path, headers=staff)).json() for path in paths},
    }
