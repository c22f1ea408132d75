"""One order through three servers, DynamoDB and EventBridge: one trace, whoever of them had a part in it."""

from __future__ import annotations

import asyncio

import pytest

from emulator.collector import collecting
from parity.running import began
from parity.story import within
from parity.topology import SERVERS

pytestmark = pytest.mark.aws


@pytest.fixture(scope="module")
def collector():
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def running(collector, tmp_path_factory):
    with began(SERVERS, tmp_path_factory.mktemp("traced"), settings=collector.environ) as running:
        yield running


ORDERED = """
orders: POST /orders
  orders: CreateOrder
    orders: CatalogClient.products
      orders: GET
        catalog: GET /products
          catalog: ProductQueries.many
            catalog: ProductStore.get_many
              catalog: DynamoDB.BatchGetItem
            catalog: ProductStore.stocks
              catalog: DynamoDB.BatchGetItem
    orders: OrdersStore.add
      orders: DynamoDB.TransactWriteItems
      orders: publish order.created
        catalog: process order.created
          catalog: ReserveStock
            catalog: DriveReservation
              catalog: ReservationStore.available
                catalog: DynamoDB.BatchGetItem
              catalog: ReservationStore.take
                catalog: DynamoDB.TransactWriteItems
                catalog: publish stock.reserved
                  catalog: EventBridge.PutEvents
                  orders: process stock.reserved
                    orders: RecordStock
                      orders: OrdersStore.get
                        orders: DynamoDB.GetItem
                      orders: OrdersStore.save
                        orders: DynamoDB.TransactWriteItems
        orders: EventBridge.PutEvents
    orders: OrdersStore.led_to
      orders: DynamoDB.GetItem
  orders: publish order.completed
    catalog: process order.completed
      catalog: SellStock
        catalog: DriveReservation
          catalog: ReservationStore.get
            catalog: DynamoDB.GetItem
          catalog: ReservationStore.take
            catalog: DynamoDB.TransactWriteItems
    orders: EventBridge.PutEvents
    rewards: process order.completed
      rewards: EarnPoints
        rewards: LedgerStore.account
          rewards: DynamoDB.GetItem
        rewards: LedgerStore.entry
          rewards: DynamoDB.GetItem
        rewards: LedgerStore.save
          rewards: DynamoDB.TransactWriteItems
          rewards: publish reward.issued
            orders: process reward.issued
              orders: Note
                orders: OrdersStore.get
                  orders: DynamoDB.GetItem
                orders: OrdersStore.save
                  orders: DynamoDB.TransactWriteItems
            rewards: EventBridge.PutEvents
"""


def _told(one) -> str:
    return f"{one.service.removeprefix('shop-')}: {one.name}"


async def test_an_order_is_one_trace_from_its_request_to_its_reward_on_its_timeline(running, collector):
    async with within(running, more=False) as (story, _):
        await story.sell("cup", price="9.99")
        await story.until_quiet()
        placed = await story.order("ann", ("cup", 1))
        await story.until_quiet()
        await story.pay(placed.json())
        await story.until_quiet()
    expected = ORDERED.strip().splitlines()

    def tree() -> list[str]:
        return [line for one in collector.of("POST /orders") for line in collector.tree(one.trace, _told)]

    async with asyncio.timeout(30):
        while len(tree()) < len(expected):  # noqa: ASYNC110 - three processes send their spans when they come to it
            await asyncio.sleep(0.05)
    assert tree() == expected
