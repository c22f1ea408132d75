"""Many at once on the stack as it is deployed: no order is lost, and none is doubled.

The clients of a shop share its way in, which lets as many requests through as there are environments of a function.
"""

from __future__ import annotations

import asyncio

import pytest

from parity.running import began
from parity.story import within
from parity.topology import FUNCTIONS

pytestmark = [pytest.mark.aws, pytest.mark.xdist_group("deployed")]

CLIENTS, ORDERS = 16, 200
PATIENCE = 400  # seconds: on two cores that others use too it takes one or two minutes


@pytest.fixture
async def crowd(local_zip, tmp_path):
    """In a shop of their own: what they leave behind would slow others down."""
    with began(FUNCTIONS, tmp_path, code=local_zip) as running:
        async with within(running, more=False) as visited:
            yield visited


async def test_200_orders_of_16_clients_at_once_are_none_lost_and_none_doubled(crowd):
    story, stack = crowd
    await story.sell("cup", price="10.00", on_hand=2 * ORDERS)

    answers = await asyncio.gather(*(buys(story, n) for n in range(CLIENTS)))
    await stack.until_quiet(patience=PATIENCE)

    orders = [order for some in answers for order in some]
    read = await asyncio.gather(*(story.read(order, order["customerId"]) for order in orders))
    points = await asyncio.gather(*(story.points(f"client-{n}") for n in range(CLIENTS)))
    stock, events = await story.stock("cup"), await story.events()
    assert len({order["orderId"] for order in orders}) == ORDERS
    assert {(order["status"], order["total"]) for order in read} == {("completed", "10.00")}
    assert {moments(order).count(what) for order in read for what in TOLD} == {1}
    assert sum(points) == 10 * ORDERS
    assert (stock["onHand"], stock["available"], stock["reserved"], stock["sold"]) == (ORDERS, ORDERS, 0, ORDERS)
    assert {kind: len([one for one in events if one["type"] == kind]) for kind in ONCE} == dict.fromkeys(ONCE, ORDERS)
    assert await stack.dead() == {}


TOLD = ("order.created", "stock.reserved", "payment.completed", "reward.issued")
ONCE = (*TOLD, "order.completed")


async def buys(story, client):
    """Its share of the orders, one after another, each paid at once."""
    orders = []
    for n in range(client, ORDERS, CLIENTS):
        placed = await story.order(f"client-{client}", ("cup", 1), key=f"{n}")
        assert placed.status_code == 201, placed.text
        paid = await story.pay(placed.json(), payment_id=f"pay_{n}")
        assert paid.status_code == 200, paid.text
        orders.append(placed.json())
    return orders


def moments(order):
    return [moment["what"] for moment in order["timeline"]]
