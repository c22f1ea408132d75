"""Orders that are cancelled by people, and what becomes of their stock and their money."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.parity  # on every topology


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


@pytest.mark.may_differ("stock.reserved")
async def test_an_order_cancelled_before_its_stock_is_looked_at_holds_nothing(story):
    await story.sell("cup", on_hand=5)
    order = (await story.order("ann", ("cup", 2))).json()

    await cancel(story, order, "clerk", "staff")
    await story.until_quiet()

    assert (await story.read(order, "ann"))["reason"] == "staff"
    assert (await story.stock("cup"))["available"] == 5


@pytest.mark.may_differ("stock.rejected")
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
