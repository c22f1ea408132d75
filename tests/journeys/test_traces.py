"""Traces of one process, as whoever receives them sees them."""

from __future__ import annotations

from contextlib import asynccontextmanager, closing
from dataclasses import replace

import pytest

from emulator.collector import collecting

CUSTOMER = "canary@example.com"
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"  # and its flags


@pytest.fixture
def collector(monkeypatch):
    with collecting() as collector:
        for name, value in collector.environ.items():
            monkeypatch.setenv(name, value)
        yield collector


@pytest.fixture
def traced(visiting, settings):
    """A shop that is seen; when it is closed, all its spans have been sent."""

    @asynccontextmanager
    async def visit(**other):
        async with visiting(replace(settings, traces="otlp", **other), serving=True) as story:
            yield story

    return visit


ORDERED = """
POST /orders
  CreateOrder
    CatalogClient.products
      GET
        GET /products
          ProductQueries.many
            ProductStore.get_many
              get_many catalog
            ProductStore.stocks
              counts catalog
    OrdersStore.add
      commit orders
      publish order.created
        process order.created by catalog
          ReserveStock
            DriveReservation
              ReservationStore.available
                counts catalog
              ReservationStore.take
                commit catalog
                publish stock.reserved
                  process stock.reserved by orders
                    RecordStock
                      OrdersStore.get
                        get orders
                      OrdersStore.save
                        commit orders
    OrdersStore.led_to
      get orders
  publish order.completed
    process order.completed by catalog
      SellStock
        DriveReservation
          ReservationStore.get
            get catalog
          ReservationStore.take
            commit catalog
    process order.completed by rewards
      EarnPoints
        LedgerStore.account
          get rewards
        LedgerStore.entry
          get rewards
        LedgerStore.save
          commit rewards
          publish reward.issued
            process reward.issued by orders
              Note
                OrdersStore.get
                  get orders
                OrdersStore.save
                  commit orders
"""
PAID = """
POST /payments/webhook
  TakePayment
    OrdersStore.add_payment
      commit orders
      publish payment.completed
        process payment.completed by orders
          RecordPayment
            OrdersStore.get
              get orders
            OrdersStore.save
              commit orders
    OrdersStore.get
      get orders
    OrdersStore.payment
      get orders
"""


def _told(one) -> str:
    by = one.attributes.get("messaging.consumer.group.name")
    return f"{one.name} by {by}" if by else one.name


async def test_one_trace_runs_from_an_order_to_its_reward_on_its_timeline(traced, collector):
    async with traced() as story:
        await story.sell("cup")
        placed = await story.order(CUSTOMER, ("cup", 1))
        await story.until_quiet()
        await story.pay(placed.json())
        await story.until_quiet()
        assert await story.points(CUSTOMER) == 9

    [ordered], [paid] = collector.of("POST /orders"), collector.of("POST /payments/webhook")
    assert collector.tree(ordered.trace, _told) == ORDERED.strip().splitlines()
    assert collector.tree(paid.trace, _told) == PAID.strip().splitlines()
    assert {one.service for one in collector.spans} == {"shop"}
    assert not [body for body in collector.raw if CUSTOMER.encode() in body]
    assert not [one for one in collector.spans if one.failed is not None]


async def test_what_a_payment_leads_to_is_in_the_orders_trace_with_a_link_to_the_payments(traced, collector):
    async with traced() as story:
        await story.sell("cup")
        placed = await story.order("ann", ("cup", 1))
        await story.until_quiet()
        await story.pay(placed.json())
        await story.until_quiet()

    [completed], [webhook] = collector.of("publish order.completed"), collector.of("POST /payments/webhook")
    linked = [one for one in collector.spans if one.id in completed.links]
    assert [(one.name, one.trace) for one in linked] == [("OrdersStore.save", webhook.trace)]
    assert completed.trace == collector.of("POST /orders")[0].trace


async def test_spans_say_what_they_are_in_the_words_of_the_conventions(traced, collector):
    async with traced() as story:
        await story.sell("cup")
        await story.order("ann", ("cup", 1))
        await story.until_quiet()

    [asked], [call], [answer] = collector.of("POST /orders"), collector.of("GET"), collector.of("GET /products")
    [published], [heard] = collector.of("publish order.created"), collector.of("process order.created")
    commit = collector.of("commit orders")[0]
    assert [one.kind for one in (asked, call, answer, published, heard, commit)] == [
        "SERVER", "CLIENT", "SERVER", "PRODUCER", "CONSUMER", "CLIENT"
    ]  # fmt: skip
    assert asked.attributes == {
        "http.request.method": "POST", "http.response.status_code": 201, "http.route": "/orders", "url.scheme": "http"
    }  # fmt: skip
    assert call.attributes == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "server.address": "catalog",
        "url.full": "http://catalog/products",
    }
    assert commit.attributes == {
        "db.system.name": "sqlite", "db.collection.name": "orders", "db.operation.name": "commit"
    }  # fmt: skip
    assert published.attributes | {"messaging.operation.name": "process", "messaging.operation.type": "process"} == {
        name: value for name, value in heard.attributes.items() if name != "messaging.consumer.group.name"
    }
    assert published.attributes["cloudevents.event_id"].startswith("evt_")


async def test_a_read_that_memory_answers_asks_nobody(traced, collector):
    async with traced() as story:
        await story.sell("cup")
        await story.until_quiet()
        await story.order("ann", ("cup", 1), key="first")
        await story.order("ann", ("cup", 1), key="second")
        await story.until_quiet()

    first, second = collector.of("CatalogClient.products")
    assert first.attributes == {"shop.cache.origin": 1}
    assert second.attributes == {"shop.cache.memory": 1}
    assert [one.parent for one in collector.of("GET")] == [first.id]


async def test_a_request_belongs_to_its_callers_trace(traced, collector):
    async with traced() as story:
        await story.sell("cup")
        story.http.headers["traceparent"] = f"{CALLER}-01"
        await story.order("ann", ("cup", 1))
        await story.until_quiet()

    [asked] = collector.of("POST /orders")
    assert f"00-{asked.trace}-{asked.parent}" == CALLER


async def test_what_the_caller_does_not_want_sampled_is_not_nor_is_what_it_causes(traced, collector):
    async with traced() as story:
        await story.sell("cup")
        await story.until_quiet()
        story.http.headers["traceparent"] = f"{CALLER}-00"
        placed = await story.order("ann", ("cup", 1))
        await story.until_quiet()
        await story.pay(placed.json())
        await story.until_quiet()
        carried = {event["type"]: event.get("traceparent", "") for event in await story.events()}

    assert {one.name for one in collector.spans} >= {"POST /products", "publish product.created"}
    assert not collector.of("POST /orders") + collector.of("process order.created") + collector.of("GET /products")
    for kind in ("order.created", "stock.reserved", "payment.completed", "order.completed", "reward.issued"):
        assert carried[kind].startswith(CALLER[:35]), kind
        assert carried[kind].endswith("-00"), kind


async def test_without_a_receiver_an_order_carries_its_callers_trace_to_its_reward_all_the_same(story):
    story.http.headers["traceparent"] = f"{CALLER}-01"
    await story.sell("cup")
    placed = await story.order("ann", ("cup", 1))
    await story.until_quiet()
    story.http.headers["traceparent"] = f"00-{'1' * 32}-{'2' * 16}-01"
    await story.pay(placed.json())
    await story.until_quiet()

    carried = {event["type"]: event["traceparent"] for event in await story.events()}
    assert carried["payment.completed"] == f"00-{'1' * 32}-{'2' * 16}-01"
    assert carried["order.created"] == carried["order.completed"] == carried["reward.issued"] == f"{CALLER}-01"


async def test_what_fails_is_seen_where_it_failed_and_what_becomes_of_it(traced, collector):
    async with traced(delivery_attempts=1) as story:
        await _two_orders_of_which_the_second_cannot_be_rewarded(story)
        answer = await story.http.get("/rewards/ann", headers=story.bearer("ann"))
        await story.until_quiet()

    [asked] = collector.of("GET /rewards/{customer_id}")
    assert answer.status_code == 500
    assert (asked.failed, asked.attributes["error.type"]) == ("", "500")
    first, second = collector.of("process order.completed", messaging__consumer__group__name="rewards")
    assert first.failed is None
    assert second.failed.startswith("DecodeError: JSON is malformed")
    assert second.attributes["error.type"] == "DecodeError"
    [dead] = collector.of("dead-letter order.completed")
    assert (dead.trace, dead.parent) == (second.trace, second.parent)
    assert dead.failed == second.failed
    assert dead.attributes["shop.delivery.attempts"] == 1


async def test_what_is_tried_again_is_no_fault_yet(traced, collector):
    async with traced() as story:
        await _two_orders_of_which_the_second_cannot_be_rewarded(story)

    [later] = collector.of("retry order.completed")
    assert later.failed is None
    assert later.attributes["messaging.consumer.group.name"] == "rewards"


async def _two_orders_of_which_the_second_cannot_be_rewarded(story) -> None:
    await story.sell("cup")
    for number in ("1", "2"):
        placed = await story.order("ann", ("cup", 1), key=number)
        await story.until_quiet()
        if number == "2":
            with closing(story.shop.store.file.connect()) as file:
                file.execute("UPDATE rewards_documents SET body = 'broken', packed = 0")
        await story.pay(placed.json(), payment_id=number)
        await story.until_quiet()


@pytest.mark.parametrize("path", ["/health/live", "/metrics", "/console"])
async def test_what_is_asked_every_few_seconds_is_no_trace(traced, collector, path):
    async with traced() as story:
        assert (await story.http.get(path)).status_code == 200

    assert {one.name for one in collector.spans} <= {"GET /docs/openapi.json"}  # which the tests read


async def test_a_refusal_is_no_fault(traced, collector):
    async with traced() as story:
        refused = await story.http.get("/orders/ord_1", headers=story.bearer("ann"))

    [asked], [act] = collector.of("GET /orders/{order_id}"), collector.of("ReadOrders.one")
    assert refused.status_code == 404
    assert (asked.failed, act.failed) == (None, None)
    assert act.attributes == {"error.type": "no-such-order"}
