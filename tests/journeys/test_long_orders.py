"""The longest order there may be."""

from __future__ import annotations

import asyncio


async def test_an_order_of_1500_lines_is_placed_reserved_and_sold(story):
    products = [f"p{n:04}" for n in range(1500)]
    for begin in range(0, 1500, 100):
        await asyncio.gather(*(story.sell(product, on_hand=1) for product in products[begin : begin + 100]))

    placed = await story.order("ann", *((product, 1) for product in products))
    await story.until_quiet()
    await story.pay(placed.json())
    await story.until_quiet()

    assert placed.status_code == 201
    assert (await story.read(placed.json(), "ann"))["status"] == "completed"
    assert {(await story.stock(product))["sold"] for product in products[::100]} == {1}
    one_more = await story.order("bob", *((product, 1) for product in [*products, "p9999"]))
    assert one_more.json()["code"] == "too-many-lines"
