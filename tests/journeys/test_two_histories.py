"""Where it matters what came first, both ends are right: captured = what was sold - credit used + owed back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.journeys.postman import Postman, differences
from tests.journeys.tale import Tale


@pytest.fixture
def tale(still, later):
    postman = Postman(still)
    return Tale(still, settled=lambda: postman.deliver_all(lambda _: 0), later=later)


async def balance(shop, order_id):
    """(captured, sold for, credit used, owed back) in minor units."""
    order = await shop.orders.orders().get(order_id)
    captured = sum(payment.amount for payment in order.payments.values())
    sold = order.total.minor - order.refunded.minor if order.status == "completed" else 0
    return captured, sold, order.credit_held, sum(owed.amount for owed in order.owed_back)


@pytest.mark.parametrize(
    ("paid_first", "end"), [(True, (750, 1000, 250, 0)), (False, (750, 0, 0, 750))], ids=["paid", "expired"]
)
async def test_paid_before_it_expires_it_is_sold_and_after_it_the_money_is_owed_back(still, tale, paid_first, end):
    await tale.shelf("cup", on_hand=5, price=1000)
    await tale.shelf("ring", on_hand=1, price=25000)
    await tale.order("first", "ann", ("ring", 1))
    await tale.pay("first")
    await tale.settled()
    await tale.redeem("ann", 250)
    await tale.settled()
    await tale.order("A", "ann", ("cup", 1), use_credit=True)
    await tale.settled()

    if paid_first:
        await tale.pay("A")
        await tale.settled()
    tale.later(timedelta(minutes=31))
    await tale.expire()
    await tale.settled()
    if not paid_first:
        await tale.pay("A")
        await tale.settled()

    captured, sold, credit, owed = await balance(still, tale.orders["A"])
    left = await still.orders.orders().credit(tale.customers["ann"])
    assert (captured, sold, credit, owed) == end
    assert captured == sold - credit + owed
    assert left.get("EUR", 0) == 250 - credit
    assert await differences(still) == []


@pytest.mark.parametrize("first", ["A", "B"])
async def test_of_two_orders_for_the_last_one_the_first_to_be_heard_gets_it_and_the_other_its_money(still, tale, first):
    await tale.shelf("cup", on_hand=1, price=1000)
    for name in ("A", "B") if first == "A" else ("B", "A"):
        await tale.order(name, "ann", ("cup", 1))
    for name in ("A", "B"):
        await tale.pay(name)
    await tale.settled()

    ends = {name: await balance(still, order_id) for name, order_id in tale.orders.items()}
    other = {"A": "B", "B": "A"}[first]
    assert ends == {first: (1000, 1000, 0, 0), other: (1000, 0, 0, 1000)}
    assert await differences(still) == []
