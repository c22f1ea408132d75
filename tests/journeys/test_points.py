"""Points from an order to their use: they become credit, and the next order costs less."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.parity  # on every topology


async def test_points_are_redeemed_once_per_key_and_pay_for_the_next_order(story):
    await story.sell("pot", price="25.50")
    await story.pay((await story.order("ann", ("pot", 2))).json())
    await story.until_quiet()
    ann = story.bearer("ann")

    redeemed, again = [
        await story.http.post("/rewards/ann/redemptions", headers=ann | {"Idempotency-Key": "k"}, json={"points": 30})
        for _ in range(2)
    ]
    await story.until_quiet()
    credit = (await story.http.get("/credit/ann", headers=ann)).json()
    order = (await story.order("ann", ("pot", 1), key="two", useCredit=True)).json()
    await story.until_quiet()

    assert (redeemed.status_code, redeemed.json()["credit"], redeemed.json()["balance"]) == (201, "0.30", 21)
    assert again.json() == redeemed.json()
    assert credit["credit"] == {"EUR": "0.30"}
    assert (order["total"], order["creditUsed"], order["toPay"]) == ("25.50", "0.30", "25.20")
    assert await story.points("ann") == 21


async def test_a_refund_takes_back_what_its_part_of_the_order_brought(story):
    await story.sell("pot", price="10.50", on_hand=5)
    order = (await story.order("ann", ("pot", 2))).json()
    await story.pay(order)
    await story.until_quiet()
    staff = story.bearer("clerk", "staff")

    back = {"lines": [{"productId": "pot", "quantity": 1, "restock": True}]}
    refunded = await story.http.post(
        f"/orders/{order['orderId']}/refunds", headers=staff | {"Idempotency-Key": "r"}, json=back
    )
    await story.until_quiet()

    assert (refunded.status_code, refunded.json()["amount"]) == (201, "10.50")
    assert (await story.read(order, "ann"))["refundedTotal"] == "10.50"
    assert await story.points("ann") == 10
    stock = await story.stock("pot")
    assert (stock["onHand"], stock["available"], stock["sold"]) == (4, 4, 1)
