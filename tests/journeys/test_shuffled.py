"""Every event one to five times to every consumer, shuffled within a window of 50, ends as once and in order."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from tests.journeys.postman import Postman, differences, state_of
from tests.journeys.tale import Tale

ORDERS, CUSTOMERS, WINDOW = 60, 12, 50
SEEDS = range(4)


async def a_busy_day(tale):
    """Orders that are paid, or twice, or not; cancelled, short of stock, expired, refunded, and paid with points."""
    luck = random.Random("a busy day")  # the same day whenever it is told
    await _orders(tale, luck)
    await tale.settled()
    tale.later(timedelta(minutes=31))
    await tale.expire()
    await tale.settled()
    await _refunds(tale, luck)
    await _redemptions(tale)
    await tale.settled()
    await _orders_with_credit(tale)
    await tale.settled()


async def _orders(tale, luck):
    for n in range(6):
        await tale.shelf(f"p{n}", on_hand=10_000 if n else 0, price=luck.randint(100, 9999))
    for n in range(ORDERS):
        goods = luck.sample(range(1, 6), luck.randint(1, 3)) + ([0] if luck.random() < 0.15 else [])
        await tale.order(f"o{n}", f"c{n % CUSTOMERS}", *((f"p{product}", luck.randint(1, 4)) for product in goods))
        for payment in ["p1", "p2"][: luck.choice([0, 1, 1, 1, 1, 2])]:
            await tale.pay(f"o{n}", payment)
        if luck.random() < 0.15:
            await tale.cancel(f"o{n}")


async def _refunds(tale, luck):
    for n in range(ORDERS):
        order = await tale.shop.orders.orders().get(tale.orders[f"o{n}"])
        if order.status == "completed" and luck.random() < 0.6:
            name = next(name for name, of in tale.products.items() if of == order.lines[0].product_id)
            await tale.refund(f"o{n}", "1", "0.37")
            if order.lines[0].quantity > 1:
                await tale.refund(f"o{n}", "2", [(name, 1)])


async def _redemptions(tale):
    for n in range(CUSTOMERS):
        balance = (await tale.shop.rewards.ledger().account(tale.customers[f"c{n}"])).balance
        if balance > 1:
            await tale.redeem(f"c{n}", balance // 2)


async def _orders_with_credit(tale):
    for n in range(CUSTOMERS):
        await tale.order(f"x{n}", f"c{n}", ("p1", 1), use_credit=True)
        await tale.pay(f"x{n}")
        if n % 3 == 0:
            await tale.cancel(f"x{n}")


@pytest.mark.parametrize("inbox", [True, False], ids=["inbox", "no-inbox"])
async def test_a_busy_day_ends_the_same_however_its_events_arrive(still, later, inbox):
    still.store.inbox = inbox
    in_order, made = await told(still, later, one_by_one)
    ends = [await told(still, later, in_window(random.Random(seed))) for seed in SEEDS]

    for seed, (end, deliveries) in zip(SEEDS, ends, strict=True):
        assert {name: end[name] for name in end if end[name] != in_order[name]} == {}, f"seed {seed}"
        assert deliveries > 2.5 * made
    states = [state[0] for name, state in in_order.items() if name[0] in "ox"]
    assert {"completed", "cancelled"} == set(states)
    assert await differences(still) == []


async def told(shop, later, way):
    postman = Postman(shop)
    postman.collect()
    postman.kept.clear()
    tale = Tale(shop, settled=lambda: way(postman), later=later)
    await a_busy_day(tale)
    return await state_of(shop, tale.orders, tale.customers, tale.products), postman.made


async def one_by_one(postman):
    await postman.deliver_all(lambda _: 0)


def in_window(luck):
    async def deliver(postman):
        """As many copies as luck has it, each at any place among the next 50; what came too early comes again."""
        coming = []
        while True:
            coming += [number for number in postman.collect() for _ in range(luck.randint(1, 5))]
            if not coming:
                return
            number = coming.pop(luck.randrange(min(WINDOW, len(coming))))
            if not await postman.deliver(number) and number not in coming:
                coming.append(number)

    return deliver
