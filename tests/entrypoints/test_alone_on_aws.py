"""One context by itself as a server: it is ready and counts, ends in order, and what one leaves the next one does."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from emulator import messages, tables
from infra.house import contexts
from parity.stack import Stack
from shop.catalog.infrastructure.store import LAYOUT as CATALOG
from shop.kernel.clock import system_clock
from shop.kernel.events import Envelope
from shop.platform.storage import dynamodb_schema
from shop.platform.storage.dynamodb import DynamoStore
from shop.platform.tokens import Tokens
from torture.server import HOST, SHOP, serving
from torture.valkey import begun

pytestmark = pytest.mark.aws

JWT_KEY, PAYMENT_SECRET = "j" * 40, "p" * 40
STAFF = {
    "Authorization": "Bearer "
    + Tokens(JWT_KEY, clock=system_clock).sign(subject="clerk", role="staff", lifetime=timedelta(hours=1))
}


@pytest.fixture
async def seen(aws, stack):
    """The stack of a shop, from outside. What was received and not ended is seen again after two seconds."""
    shop = contexts()
    made = [*(dynamodb_schema.table(one.layout, stack=stack) for one in shop), dynamodb_schema.log_table(stack=stack)]
    await tables.create(aws.client("dynamodb"), made)
    heard = {one.name: one.hears for one in shop}
    await messages.create(aws.client("events"), aws.client("sqs"), stack=stack, heard=heard, attempts=24, visibility=2)
    return Stack(aws=aws, name=stack, cache=None)


@pytest.fixture
def server(on_aws, stack, tmp_path):
    """A server of a context, to be started."""

    def of(context: str, **settings: str):
        own = {
            **on_aws.environ,
            "SHOP_STORAGE": "dynamodb",
            "SHOP_STACK": stack,
            "SHOP_JWT_KEY": JWT_KEY,
            "SHOP_PAYMENT_SECRETS": PAYMENT_SECRET,
            "SHOP_LOG": "info",
            **settings,
        }
        return serving(tmp_path / context, serve=(*SHOP, "serve", "--context", context), settings=own)

    return of


@pytest.fixture
def stock(aws, stack):
    """The counters of a product, as they are in the table."""
    records = DynamoStore(aws, stack=stack, clock=system_clock).records(CATALOG)

    async def of(product_id: str):
        key = f"stock/{product_id}"
        return dict((await records.counts([key]))[key].of)

    return of


@pytest.fixture
def sell():
    """Brings a product into a server's catalog."""

    async def act(port: int, product_id: str, *, on_hand: int) -> None:
        async with httpx.AsyncClient(base_url=f"http://{HOST}:{port}", headers=STAFF) as http:
            body = {"productId": product_id, "sku": "s", "name": "Saw", "category": "Tools", "basePrice": "9.99"}
            made = await http.post("/products", json=body | {"currency": "EUR"})
            assert made.status_code == 201, made.text
            told = {"onHand": on_hand, "reason": "first delivery"}
            made = await http.post(f"/products/{product_id}/stock", json=told, headers={"Idempotency-Key": "first"})
            assert made.status_code == 200, made.text

    return act


@pytest.fixture
def order(aws, stack):
    """Tells the catalog of so many orders, each of one piece."""

    async def act(product_id: str, count: int) -> list[str]:
        sqs = aws.client("sqs")
        url = (await sqs.get_queue_url(QueueName=f"{stack}-catalog"))["QueueUrl"]
        ids = [f"ord_{n:04d}" for n in range(count)]
        for begin in range(0, count, 10):
            bodies = [
                msgspec.json.encode({"detail": created(one, product_id)}).decode() for one in ids[begin : begin + 10]
            ]
            entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies)]
            await sqs.send_message_batch(QueueUrl=url, Entries=entries)
        return ids

    return act


def created(order_id: str, product_id: str) -> Envelope:
    data = {"orderId": order_id, "customerId": "c1", "lines": [{"productId": product_id, "quantity": 1}]}
    return Envelope(
        id=f"evt_{order_id}",
        type="order.created",
        source="/shop/orders",
        subject=order_id,
        time="2026-11-23T04:00:00.000000Z",
        dataschema="urn:shop:order.created:1",
        data=msgspec.Raw(msgspec.json.encode(data)),
    )


async def eventually(holds, *, seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 - it is asked of others
            await asyncio.sleep(0.01)


async def test_it_is_ready_and_tells_its_figures_and_knows_its_own_context_alone(seen, server, tmp_path_factory):  # noqa: ARG001
    with (
        begun(tmp_path_factory.mktemp("v")) as valkey,
        server("orders", SHOP_REDIS_URL=valkey.url, SHOP_CATALOG_URL="http://127.0.0.1:1") as orders,
    ):
        await orders.start()
        async with httpx.AsyncClient(base_url=f"http://{HOST}:{orders.port}") as http:
            ready, figures = await http.get("/health/ready"), await http.get("/metrics")
            foreign, feed = await http.get("/products/p1"), await http.get("/events", headers=STAFF)
            document = (await http.get("/docs/openapi.json")).json()
        code = orders.stop()

    assert (ready.status_code, ready.json()) == (200, {"status": "ok"})
    found = {family.name: family.samples for family in text_string_to_metric_families(figures.text)}
    assert {sample.labels["to"] for sample in found["shop_circuit"]} == {"catalog", "redis"}
    assert {sample.labels["state"]: sample.value for sample in found["shop_deliveries"]} == {"waiting": 0, "dead": 0}
    assert "GetQueueAttributes" in {sample.labels["operation"] for sample in found["shop_aws_calls"]}
    assert foreign.status_code == 404
    assert (feed.status_code, feed.json()["data"]) == (200, [])
    assert {path.split("/")[1] for path in document["paths"]} >= {"orders", "payments", "events", "health"}
    assert "/products/{productId}" not in document["paths"]
    assert code == 0


async def test_asked_to_end_while_deliveries_are_under_way_it_ends_well_and_the_next_one_does_the_rest(
    seen, server, stock, sell, order
):
    with server("catalog") as catalog:
        await catalog.start()
        await sell(catalog.port, "saw", on_hand=1000)
        ids = await order("saw", 400)

        async def under_way():
            return (await stock("saw"))["available"] < 990

        await eventually(under_way)
        code = catalog.stop()
        told = catalog.log()
        done = 1000 - (await stock("saw"))["available"]
        await catalog.start()

        async def all_done():
            return (await stock("saw"))["available"] == 600 and not await seen.waiting("catalog")

        await eventually(all_done)
        await eventually(lambda: reserved_each_once(seen, ids))

    assert code == 0
    assert "server.ended" in told
    assert "Traceback" not in told
    assert done < 400
    assert await seen.waiting("catalog-dead") == 0


async def test_what_a_killed_server_left_its_successor_does(seen, server, stock, sell, order):
    with server("catalog") as catalog:
        await catalog.start()
        await sell(catalog.port, "saw", on_hand=1000)
        ids = await order("saw", 400)

        async def under_way():
            return (await stock("saw"))["available"] < 990

        await eventually(under_way)
        catalog.kill()
        assert (await stock("saw"))["available"] > 600
        await catalog.start()

        async def all_done():
            return (await stock("saw"))["available"] == 600 and not await seen.waiting("catalog")

        await eventually(all_done)
        await eventually(lambda: reserved_each_once(seen, ids))
        assert catalog.stop() == 0


async def reserved_each_once(seen, ids) -> bool:
    """Whether every order's event is out; `AssertionError` if one has two of them."""
    found = Counter(
        one["subject"]
        for one in {one["id"]: one for one in await seen.events()}.values()
        if one["type"] == "stock.reserved"
    )
    assert not found or max(found.values()) == 1
    return set(found) == set(ids)


async def test_what_was_committed_and_not_passed_on_the_next_server_passes_on_at_once(seen, server, aws, stack):
    forgotten = Envelope(
        id=f"evt_{int(datetime.now(UTC).timestamp() * 1000):012x}00",
        type="stock.reserved",
        source="/shop/catalog",
        subject="ord_1",
        time="2026-11-23T04:00:00.000000Z",
        dataschema="urn:shop:stock.reserved:1",
        data=msgspec.Raw(b'{"orderId":"ord_1"}'),
    )
    await DynamoStore(aws, stack=stack, clock=system_clock).records(CATALOG).commit(events=[forgotten])

    with server("catalog") as catalog:
        await catalog.start()

        async def passed_on():
            return await seen.waiting("orders") == 1 and [one["id"] for one in await seen.events()] == [forgotten.id]

        await eventually(passed_on)
