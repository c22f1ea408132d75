"""For every history of accepted commands, whatever order its deliveries come in and however often, all ends the same.

Each story is told as people's commands; in between `settled` makes every delivery that is on its way, in the order that
the schedule says. All schedules are tried where they are at most 64, else the first 64 (SCHEDULES=30000: all of every
story); then 24 more, at random (seeds 0 to 23), with every delivery made one to three times, the copies at any later
moment. All of that with the inbox, which filters copies, and without it.
"""

from __future__ import annotations

import os
import random
from datetime import timedelta

import pytest

from tests.journeys.postman import Postman, Schedules, differences, state_of
from tests.journeys.tale import Tale

MOST_SCHEDULES = int(os.environ.get("SCHEDULES", "64"))
SHUFFLED = 24


async def bought_and_paid_for(tale):
    await tale.shelf("cup", on_hand=5)
    await tale.order("A", "ann", ("cup", 2))
    await tale.pay("A")
    await tale.settled()


async def paid_twice_and_failed_once(tale):
    await tale.shelf("cup", on_hand=5)
    await tale.order("A", "ann", ("cup", 1))
    await tale.pay("A", "p0", status="failed")
    await tale.pay("A", "p1")
    await tale.pay("A", "p2")
    await tale.settled()


async def cancelled_before_anything_was_heard(tale):
    await tale.shelf("cup", on_hand=5)
    await tale.order("A", "ann", ("cup", 2))
    await tale.pay("A")
    await tale.cancel("A")
    await tale.settled()


async def not_enough_on_the_shelf(tale):
    await tale.shelf("cup", on_hand=1)
    await tale.shelf("pot", on_hand=9)
    await tale.order("A", "ann", ("cup", 2), ("pot", 1))
    await tale.pay("A")
    await tale.order("B", "ann", ("pot", 9))
    await tale.settled()


async def two_orders_of_one_customer(tale):
    await tale.shelf("cup", on_hand=9)
    await tale.order("A", "ann", ("cup", 2))
    await tale.order("B", "ann", ("cup", 3))
    await tale.pay("A")
    await tale.pay("B")
    await tale.settled()


async def refunded_in_parts_and_redeemed(tale):
    await tale.shelf("cup", on_hand=9, price=1050)
    await tale.order("A", "ann", ("cup", 4))
    await tale.pay("A")
    await tale.settled()
    await tale.refund("A", "1", [("cup", 1)])
    await tale.refund("A", "2", "5.55")
    await tale.refund("A", "3", [("cup", 2)])
    await tale.redeem("ann", 2)
    await tale.settled()


async def paid_with_points_then_cancelled(tale):
    await tale.shelf("cup", on_hand=9, price=10000)
    await tale.order("A", "ann", ("cup", 3))
    await tale.pay("A")
    await tale.settled()
    await tale.redeem("ann", 250)
    await tale.settled()
    await tale.order("B", "ann", ("cup", 1), use_credit=True)
    await tale.order("C", "ann", ("cup", 1), use_credit=True)
    await tale.pay("B")
    await tale.cancel("C")
    await tale.settled()
    await tale.refund("B", "1", "99.00")
    await tale.refund("B", "2", "1.00")
    await tale.settled()


async def nobody_paid_in_time(tale):
    await tale.shelf("cup", on_hand=5)
    await tale.order("A", "ann", ("cup", 2))
    tale.later(timedelta(minutes=31))
    await tale.expire()
    await tale.pay("A")
    await tale.settled()


STORIES = [
    bought_and_paid_for,
    paid_twice_and_failed_once,
    cancelled_before_anything_was_heard,
    not_enough_on_the_shelf,
    two_orders_of_one_customer,
    refunded_in_parts_and_redeemed,
    paid_with_points_then_cancelled,
    nobody_paid_in_time,
]


@pytest.mark.parametrize("inbox", [True, False], ids=["inbox", "no-inbox"])
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
async def test_in_every_order_and_however_often_it_ends_the_same(still, later, record_property, story, inbox):
    still.store.inbox = inbox
    ends, schedules = [], Schedules(MOST_SCHEDULES)
    for choose in schedules:
        postman = Postman(still)
        ends.append(await told(story, still, later, lambda p=postman, c=choose: p.deliver_all(c), postman))
    for seed in range(SHUFFLED):
        postman, chance = Postman(still), random.Random(seed)
        ends.append(await told(story, still, later, lambda p=postman, c=chance: shuffled(p, c), postman))

    assert all(end == ends[0] for end in ends), next(end for end in ends if end != ends[0])
    assert len(ends) > SHUFFLED + 1
    assert await differences(still) == []
    record_property("schedules", f"{schedules.done}{' of all' if schedules.complete else ''}")


async def told(story, shop, later, deliver, postman):
    postman.collect()  # what an earlier telling left is none of ours
    postman.kept.clear()
    tale = Tale(shop, settled=deliver, later=later)
    await story(tale)
    return await state_of(shop, tale.orders, tale.customers, tale.products)


async def shuffled(postman, chance):
    """Every delivery one to three times, each copy at any moment after it was published."""
    copies = []
    waiting = postman.collect()
    while waiting:
        number = waiting.pop(chance.randrange(len(waiting)))
        if await postman.deliver(number):
            copies += [number] * chance.randint(0, 2)
        else:
            waiting.append(number)
        while copies and chance.random() < 0.5:
            await postman.deliver(copies.pop(chance.randrange(len(copies))))
        waiting += postman.collect()
    for number in copies:
        await postman.deliver(number)
    assert postman.collect() == [], "a copy has led to something new"
