"""Orders that are cancelled, by people or by time, and what becomes of their stock and their money."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shop.kernel.events import Cause


async def cancel(story, order, who, role="customer"):
    return await story.http.post(f"/orders/{order['orderId']}/cancel", headers=story.bearer(who, role))


async def test_a_cancelled_order_gives_its_stock_back(story):
    await story.sell("cup", on_hand=5)
    order = (await story.order("ann", ("cup", 2))).json()
    await story.until_quiet()
    held = await story.stock("cup")

    cancelled = await cancel(story, order, "ann")
    again = await cancel(story, order, "ann")
    await story.until_quiet()

    assert (cancelled.status_code, cancelled.json()["status"], cancelled.json()["reason"]) == (
        200,
        "cancelled",
        "customer",
    )
    assert again.json() == cancelled.json()
    assert (held["available"], (await story.stock("cup"))["available"]) == (3, 5)


async def test_an_order_cancelled_before_its_stock_is_looked_at_holds_nothing(story):
    await story.sell("cup", on_hand=5)
    order = (await story.order("ann", ("cup", 2))).json()

    await cancel(story, order, "clerk", "staff")
    await story.until_quiet()

    assert (await story.read(order, "ann"))["reason"] == "staff"
    assert (await story.stock("cup"))["available"] == 5


@pytest.mark.parametrize("paid_first", [True, False])
async def test_what_was_paid_for_a_cancelled_order_is_owed_back(story, paid_first):
    await story.sell("cup", price="9.99", on_hand=0)
    order = (await story.order("ann", ("cup", 1))).json()
    for act in (story.pay(order), cancel(story, order, "ann"))[:: 1 if paid_first else -1]:
        await act

    await story.until_quiet()

    assert (await story.read(order, "ann"))["owedBack"] == "9.99"
    assert await story.points("ann") == 0


async def test_a_completed_order_is_not_cancelled(story):
    await story.sell("cup")
    order = (await story.order("ann", ("cup", 1))).json()
    await story.pay(order)
    await story.until_quiet()

    refused = await cancel(story, order, "ann")

    assert (refused.status_code, refused.json()["code"]) == (409, "already-completed")
    assert (await story.stock("cup"))["sold"] == 1


async def test_somebody_elses_order_is_not_there_to_be_cancelled(story):
    await story.sell("cup")
    order = (await story.order("ann", ("cup", 1))).json()

    refused = await cancel(story, order, "bob")
    await story.until_quiet()

    assert (refused.status_code, refused.json()["code"]) == (404, "no-such-order")
    assert (await story.read(order, "ann"))["status"] == "confirmed"


async def test_unpaid_orders_expire_and_paid_ones_never(story, later):
    await story.sell("cup", on_hand=200)
    unpaid = [(await story.order("ann", ("cup", 1), key=f"{n}")).json() for n in range(120)]
    paid = (await story.order("bob", ("cup", 1))).json()
    await story.pay(paid)
    await story.until_quiet()
    expire = story.shop.orders.expire_orders

    def cancelled():
        told = "SELECT count(*) FROM events WHERE type = 'order.cancelled'"
        return story.shop.store.file.reader.execute(told).fetchone()[0]

    too_early = await expire()(cause=Cause(id="job"))
    later(timedelta(minutes=30, seconds=1))  # the shop's own job sees to it
    await story.until(lambda: cancelled() == 120)
    await story.until_quiet()
    once_more = await expire()(cause=Cause(id="job"))

    assert (too_early, once_more, cancelled()) == (0, 0, 120)
    assert (await story.read(unpaid[0], "ann"))["reason"] == "expired"
    assert (await story.read(paid, "bob"))["status"] == "completed"
    assert (await story.stock("cup"))["available"] == 199
