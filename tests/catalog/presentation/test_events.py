"""What catalog does when orders says something, and every so often."""

from __future__ import annotations

import pytest

from shop.catalog.contract import StockRejected, StockReserved
from shop.catalog.domain.price import Price
from shop.kernel.events import Publisher
from shop.orders.contract import OrderCancelled, OrderCompleted, OrderCreated, OrderedLine, OrderRefunded

TWO_SAWS = (OrderedLine(product_id="saw", quantity=2),)


@pytest.fixture
async def tell(wired, time, delivered):
    """An event of orders, as the bus hands it over."""
    publisher = Publisher(source="/shop/orders", ids=wired.ids())
    reactions = wired.reactions().table()

    async def hand_over(event):
        envelope = publisher(event, at=time(), cause=delivered())
        await reactions[event.TYPE](envelope, delivered())

    return hand_over


@pytest.fixture
async def counters(wired, details, delivered):
    """The counters of a saw, of which there were five."""
    await wired.import_product()(
        product_id="saw",
        details=details(),
        price=Price.parse(base="10", discounted=None, currency="EUR"),
        on_hand=5,
        who="s",
        cause=delivered(),
    )

    async def now():
        stock = await wired.queries().stock("saw")
        return stock.on_hand, stock.available, stock.sold

    return now


async def test_an_orders_goods_go_where_it_goes(tell, counters):
    created = OrderCreated(order_id="o1", customer_id="c", lines=TWO_SAWS)
    completed = OrderCompleted(order_id="o1", customer_id="c", total="20", currency="EUR")
    refunded = OrderRefunded(
        refund_id="r1",
        order_id="o1",
        customer_id="c",
        amount="10",
        currency="EUR",
        remaining_before="20",
        remaining_after="10",
        restock=(OrderedLine(product_id="saw", quantity=1),),
    )

    for event, then in ((created, (5, 3, 0)), (completed, (3, 3, 2)), (refunded, (4, 4, 1))):
        for _ in range(2):
            await tell(event)
        assert await counters() == then


async def test_a_cancelled_order_gives_its_goods_back(tell, counters):
    await tell(OrderCreated(order_id="o1", customer_id="c", lines=TWO_SAWS))
    await tell(OrderCancelled(order_id="o1", customer_id="c", reason="customer"))

    assert await counters() == (5, 5, 0)


async def test_an_order_that_was_cancelled_before_takes_nothing(tell, counters):
    await tell(OrderCancelled(order_id="o1", customer_id="c", reason="expired"))
    await tell(OrderCreated(order_id="o1", customer_id="c", lines=TWO_SAWS))

    assert await counters() == (5, 5, 0)


async def test_what_became_of_a_reservation_is_told_once(tell, counters, store):
    store.routes = {StockReserved.TYPE: ["orders"], StockRejected.TYPE: ["orders"]}
    queued = []
    store.on_queued = queued.extend

    for order_id in ("o1", "o2", "o3", "o1", "o3"):
        await tell(OrderCreated(order_id=order_id, customer_id="c", lines=TWO_SAWS))

    told = [(delivery.envelope.type, delivery.envelope.subject) for delivery in queued]
    assert told == [("stock.reserved", "o1"), ("stock.reserved", "o2"), ("stock.rejected", "o3")]
    assert await counters() == (5, 1, 0)


async def test_what_is_left_half_way_is_looked_for_every_five_minutes(wired, delivered):
    (job,) = wired.jobs().table().values()

    assert job.every.total_seconds() == 300
    await job.run(delivered())
