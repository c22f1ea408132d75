"""Many buyers at once for less than they want: nobody gets what is not there."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

pytestmark = pytest.mark.parity  # on every topology


async def test_60_buyers_at_once_for_one_unit_exactly_one_gets_it(story):
    await story.sell("last", on_hand=1)

    orders = await buy(story, buyers=60, quantity=1)

    assert await outcomes(story, orders) == {"confirmed": 1, "cancelled": 59}
    stock = await story.stock("last")
    assert (stock["onHand"], stock["available"], stock["reserved"]) == (1, 0, 1)


@pytest.mark.may_differ("product.updated")  # that it went out of stock is foretold: two who take the last four miss it
async def test_60_buyers_of_two_units_each_for_30_units_exactly_15_get_them(story):
    await story.sell("last", on_hand=30)

    orders = await buy(story, buyers=60, quantity=2)

    assert await outcomes(story, orders) == {"confirmed": 15, "cancelled": 45}
    assert (await story.stock("last"))["available"] == 0


async def test_lines_of_the_same_product_do_not_get_round_it(story):
    await story.sell("last", on_hand=3)

    placed = await story.order("ann", ("last", 2), ("last", 2))
    await story.until_quiet()

    assert [(line["productId"], line["quantity"]) for line in placed.json()["lines"]] == [("last", 4)]
    assert (await story.read(placed.json(), "ann"))["status"] == "cancelled"
    assert (await story.stock("last"))["available"] == 3


async def buy(story, *, buyers, quantity):
    answers = await asyncio.gather(*(story.order(f"someone-{n}", ("last", quantity)) for n in range(buyers)))
    assert {answer.status_code for answer in answers} == {201}
    await story.until_quiet()
    return [answer.json() for answer in answers]


async def outcomes(story, orders):
    read = await asyncio.gather(*(story.read(order, order["customerId"]) for order in orders))
    return dict(Counter(order["status"] for order in read))
