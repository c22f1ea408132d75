"""Hundreds of buyers at once, and what they cost the store."""

from __future__ import annotations

import asyncio
from collections import Counter


async def test_500_buyers_at_once_for_one_unit_exactly_one_gets_it(story):
    await story.sell("last", on_hand=1)

    orders = await buy(story, buyers=500, quantity=1)

    outcome = await outcomes(story, orders)
    assert outcome == {"confirmed": 1, "cancelled": 499}
    stock = await story.stock("last")
    assert (stock["onHand"], stock["available"], stock["reserved"]) == (1, 0, 1)
    assert await commits_of_stock(story, orders) <= 2


async def test_200_buyers_of_two_units_each_for_100_units_exactly_50_get_them(story):
    await story.sell("last", on_hand=100)

    orders = await buy(story, buyers=200, quantity=2)

    assert await outcomes(story, orders) == {"confirmed": 50, "cancelled": 150}
    assert (await story.stock("last"))["available"] == 0
    assert await commits_of_stock(story, orders) <= 2


async def buy(story, *, buyers, quantity):
    answers = await asyncio.gather(*(story.order(f"c{n}", ("last", quantity)) for n in range(buyers)))
    assert {answer.status_code for answer in answers} == {201}
    await story.until_quiet()
    return [answer.json() for answer in answers]


async def outcomes(story, orders):
    read = await asyncio.gather(*(story.read(order, order["customerId"]) for order in orders))
    return dict(Counter(order["status"] for order in read))


async def commits_of_stock(story, orders):
    """The most commits that any buyer's reservation took: each of them puts its document anew."""
    records = story.shop.catalog.records()
    reservations = await records.get_many([f"reservation/{order['orderId']}" for order in orders])
    assert len(reservations) == len(orders)
    return max(reservation.version for reservation in reservations.values())
