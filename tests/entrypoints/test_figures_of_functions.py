"""What each Lambda function tells CloudWatch of an event, in lines of its log: what has changed, and no more."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import pytest
from structlog.testing import capture_logs

from emulator import messages, tables
from shop.catalog.infrastructure.store import LAYOUT as CATALOG
from shop.entrypoints.alone import SWEEP, handler
from shop.entrypoints.catalog_alone import CatalogAlone
from shop.entrypoints.orders_alone import OrdersAlone
from shop.entrypoints.rewards_alone import RewardsAlone
from shop.kernel.clock import system_clock
from shop.kernel.events import Cause, Publisher
from shop.kernel.ids import ids
from shop.orders.contract import OrderCompleted, OrderCreated, OrderedLine
from shop.orders.infrastructure.store import LAYOUT as ORDERS
from shop.platform.storage import dynamodb_schema
from shop.platform.tokens import Tokens
from shop.rewards.infrastructure.store import LAYOUT as REWARDS
from tests.platform.embedded import checked, extracted
from torture.valkey import begun

pytestmark = pytest.mark.aws

KEY = "j" * 40
PRODUCT = {"productId": "mug", "sku": "M", "name": "Mug", "category": "k", "basePrice": "9.99", "currency": "EUR"}
PUBLISH = Publisher(source="/shop/orders", ids=ids(system_clock))
COMPLETED = OrderCompleted(order_id="ord_1", customer_id="ada", total="19.98", currency="EUR")


def bearer(subject, role):
    token = Tokens(KEY, clock=system_clock).sign(subject=subject, role=role, lifetime=timedelta(minutes=5))
    return {"authorization": f"Bearer {token}"}


@pytest.fixture
async def there(aws, stack):
    made = [dynamodb_schema.table(one, stack=stack) for one in (CATALOG, ORDERS, REWARDS)]
    await tables.create(aws.client("dynamodb"), [*made, dynamodb_schema.log_table(stack=stack)])
    heard = {context: ["order.completed"] for context in ("catalog", "orders", "rewards")}
    await messages.create(aws.client("events"), aws.client("sqs"), stack=stack, heard=heard, attempts=3)


@pytest.fixture
def function(there, stack, capsys):  # noqa: ARG001 - whom it finds
    """Begin one, and hand it events; what CloudWatch makes of what it then says: `{(metric, dimensions…): values}`."""
    houses, loops = [], []

    def of(kind, role, **environ):
        told = {"SHOP_STORAGE": "dynamodb", "SHOP_STACK": stack, "SHOP_JWT_KEY": KEY, "SHOP_PAYMENT_SECRETS": "p" * 40}

        def house(**given):
            made = kind(**given)
            houses.append(made)
            return made

        environment = handler(house, environ={**told, "SHOP_ROLE": role, "SHOP_LOG": "error", **environ})
        loops.append(environment._loop)

        def take(event):
            capsys.readouterr()
            with capture_logs():
                take.answer = environment(event, None)
            documents = [checked(line) for line in capsys.readouterr().out.splitlines(keepends=True)]
            assert {one["Namespace"] for d in documents for one in d["_aws"]["CloudWatchMetrics"]} <= {f"shop/{stack}"}
            return extracted(documents)

        return take

    yield of
    for house, loop in zip(houses, loops, strict=True):
        if house.role().value == "api" and house.reader() is not None:
            loop.run_until_complete(house.reader().close())
        loop.run_until_complete(house.platform.aws().close())
        loop.close()
    asyncio.set_event_loop(None)


def request(method, path, body=None, **headers):
    return {
        "rawPath": path,
        "headers": {"content-type": "application/json", **headers},
        "requestContext": {"http": {"method": method, "sourceIp": "192.0.2.1"}},
        "body": msgspec.json.encode(body).decode() if body is not None else None,
    }


def record(fact, *, received=1):
    event = PUBLISH(fact, at=system_clock(), cause=Cause(id="x"))
    return {
        "messageId": event.id,
        "receiptHandle": event.id,
        "body": msgspec.json.encode({"detail": event}).decode(),
        "attributes": {"ApproximateReceiveCount": str(received)},
    }


def test_who_answers_tells_of_the_request_and_its_write(function):
    take, staff = function(CatalogAlone, "api"), bearer("clerk", "staff")

    made = take(request("POST", "/products", PRODUCT, **staff))
    again = take(request("POST", "/products", PRODUCT, **staff))
    read = take(request("GET", "/products/mug"))

    context = "context=catalog"
    assert made.keys() == {("http_request_duration_seconds", context), ("shop_writes", context, "result=committed")}
    assert len(made["http_request_duration_seconds", context]) == 1
    assert made["shop_writes", context, "result=committed"] == [1]
    assert again["shop_problems", context, "code=product-exists"] == [1]
    assert read.keys() == {("http_request_duration_seconds", context)}


def test_who_hears_tells_of_deliveries_and_of_the_business(function):
    take = function(RewardsAlone, "consumer")
    completed = record(COMPLETED)

    once = take({"Records": [completed]})
    twice = take({"Records": [completed]})

    context = "context=rewards"
    assert once["shop_points", context, "kind=issued"] == [19]
    assert len(once["shop_delivery_delay_seconds", context]) == 1
    assert twice.keys() == {("shop_delivery_delay_seconds", context)}


def test_who_hears_and_fails_tells_of_retries_and_of_the_last_one(function):
    take = function(CatalogAlone, "consumer", SHOP_DELIVERY_ATTEMPTS="3")
    unread = msgspec.json.encode({"orderId": "ord_2"})

    def broken(received):
        created = OrderCreated(order_id="ord_2", customer_id="ada", lines=(OrderedLine(product_id="mug", quantity=1),))
        one = record(created, received=received)
        told = msgspec.json.decode(one["body"])
        told["detail"]["data"] = msgspec.json.decode(unread)
        return one | {"body": msgspec.json.encode(told).decode()}

    first, last = take({"Records": [broken(1)]}), take({"Records": [broken(3)]})

    context = "context=catalog"
    assert first["shop_events_retried", context] == last["shop_events_dead", context] == [1]
    assert first["shop_delivery_errors", context, "error=ValidationError"] == [1]
    assert ("shop_events_dead", context) not in first


def test_who_passes_on_tells_of_what_it_has_published(function):
    take = function(CatalogAlone, "relay")
    event = PUBLISH(COMPLETED, at=system_clock(), cause=Cause(id="x"))
    image = {"pk": {"S": "outbox#3"}, "sk": {"S": event.id}, "body": {"S": msgspec.json.encode(event).decode()}}

    told = take({"Records": [{"eventName": "INSERT", "dynamodb": {"Keys": image, "NewImage": image}}]})

    assert told == {("shop_events_published", "context=catalog"): [1]}


def test_a_job_that_has_nothing_to_do_has_nothing_to_say(function):
    take = function(RewardsAlone, "jobs")

    assert take({"job": SWEEP}) == {}
    assert take({"job": SWEEP}) == {}


def test_who_reads_another_context_tells_which_layer_answered_and_what_the_breaker_does(function, tmp_path_factory):
    with begun(tmp_path_factory.mktemp("v")) as valkey:
        nowhere = {"SHOP_REDIS_URL": valkey.url, "SHOP_CATALOG_URL": "http://127.0.0.1:1"}
        take = function(OrdersAlone, "api", **nowhere)
        told = []
        for number in range(3):
            headers = bearer("ada", "customer") | {"idempotency-key": str(number)}
            told.append(take(request("POST", "/orders", {"items": [{"productId": "mug", "quantity": 1}]}, **headers)))

    context = "context=orders"
    assert all(("http_request_duration_seconds", context) in one for one in told)
    changes = [one.get(("shop_circuit_changes", context, "to=catalog", "state=open")) for one in told]
    assert changes.count([1]) == 1
