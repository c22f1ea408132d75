"""Functions begun from the zip, on the emulator: what one has written, another answers with."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bundle.functions import functions
from bundle.runtime import Failed, Runtime
from emulator.run import Emulator
from emulator.tables import create, delete
from shop.catalog.infrastructure.store import LAYOUT as CATALOG
from shop.kernel.clock import system_clock
from shop.kernel.events import Cause, Publisher
from shop.kernel.ids import ids
from shop.orders.contract import OrderCompleted
from shop.platform.aws import Aws
from shop.platform.storage.dynamodb_schema import log_table, table
from shop.platform.tokens import Tokens
from shop.rewards.infrastructure.store import LAYOUT as REWARDS
from tests.platform.embedded import checked, extracted

pytestmark = [
    pytest.mark.aws,
    pytest.mark.skipif(sys.platform != "linux", reason="AWS's client of the Runtime API is built for Linux"),
]

Begun = Callable[..., Runtime]
STACK = "bundled"
FUNCTIONS = {one.name: one for one in functions()}
JWT_KEY = FUNCTIONS["catalog-api"].environ["SHOP_JWT_KEY"]
PRODUCT = {
    "productId": "mug",
    "sku": "M-1",
    "name": "Mug",
    "category": "kitchen",
    "basePrice": "9.99",
    "currency": "EUR",
}


@dataclass
class Deployed:
    """Functions by name, begun when they are first asked."""

    begin: Callable[[str], Runtime]

    def http(
        self, name: str, method: str, path: str, *, as_: str, body: Any = None, query: str = ""
    ) -> tuple[int, Any]:
        token = Tokens(JWT_KEY, clock=system_clock).sign(subject="ada", role=as_, lifetime=timedelta(minutes=5))
        event = {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": query,
            "headers": {"authorization": f"Bearer {token}", "content-type": "application/json", "host": "shop.test"},
            "requestContext": {"http": {"method": method, "path": path, "sourceIp": "192.0.2.1"}},
            "body": json.dumps(body) if body is not None else None,
            "isBase64Encoded": False,
        }
        answer = self.begin(name)(event)
        return answer["statusCode"], json.loads(answer["body"] or "null")


@pytest.fixture
async def tables(on_aws: Emulator) -> AsyncIterator[None]:  # noqa: ARG001 - whom it finds
    aws = Aws(("dynamodb",))
    await aws.open()
    wanted = [table(CATALOG, stack=STACK), table(REWARDS, stack=STACK), log_table(stack=STACK)]
    await create(aws.client("dynamodb"), wanted)
    yield
    await delete(aws.client("dynamodb"), [one["CreateTable"]["TableName"] for one in wanted])
    await aws.close()


@pytest.fixture
def deployed(tables: None, on_aws: Emulator, task: Path, lambda_runtime: Begun) -> Deployed:  # noqa: ARG001 - it is there
    begun: dict[str, Runtime] = {}

    def begin(name: str) -> Runtime:
        if name not in begun:
            one = FUNCTIONS[name]
            environ = {**one.environ, **on_aws.environ, "SHOP_STACK": STACK}
            begun[name] = lambda_runtime(one.handler, task=task, environ=environ)
        return begun[name]

    return Deployed(begin)


def test_a_product_that_staff_makes_is_answered_to_anyone(deployed: Deployed):
    made, _ = deployed.http("catalog-api", "POST", "/products", as_="staff", body=PRODUCT)

    status, product = deployed.http("catalog-api", "GET", "/products/mug", as_="customer")

    assert (made, status, product["basePrice"]) == (201, 200, "9.99")


def test_points_for_an_order_that_a_queue_told_of_are_answered_by_another_function(deployed: Deployed):
    fact = OrderCompleted(order_id="ord_1", customer_id="ada", total="19.98", currency="EUR")
    published = Publisher(source="/shop/orders", ids=ids(system_clock))(fact, at=system_clock(), cause=Cause(id="x"))
    record = {
        "messageId": "m1",
        "receiptHandle": "r1",
        "body": msgspec.json.encode({"detail": published}).decode(),
        "attributes": {"ApproximateReceiveCount": "1"},
    }

    consumed = [deployed.begin("rewards-consumer")({"Records": [record]}) for _ in range(2)]
    status, account = deployed.http("rewards-api", "GET", "/rewards/ada", as_="customer")

    assert consumed == [{"batchItemFailures": []}] * 2
    assert (status, account["balance"]) == (200, 19)
    log = deployed.begin("rewards-consumer").log.read_text(encoding="utf-8")
    told = [checked(line) for line in log.splitlines(keepends=True) if line.startswith('{"_aws"')]
    assert extracted(told)["shop_points", "context=rewards", "kind=issued"] == [19]


def test_a_job_runs_and_one_that_is_not_known_is_refused(deployed: Deployed):
    jobs = deployed.begin("rewards-jobs")

    done = jobs({"job": "sweep-outbox"})

    assert done is None
    with pytest.raises(Failed, match="KeyError: 'nobody'"):
        jobs({"job": "nobody"})


def test_a_relay_raises_at_what_it_cannot_read_and_goes_on(deployed: Deployed):
    relay = deployed.begin("catalog-relay")

    with pytest.raises(Failed, match="KeyError"):
        relay({"Records": [{"eventName": "INSERT"}]})

    assert relay({"Records": []}) is None


def test_the_feed_answers_with_what_is_in_the_log(deployed: Deployed):
    status, page = deployed.http("feed", "GET", "/events", as_="staff")

    assert (status, page["data"]) == (200, [])


def test_two_hundred_requests_are_answered_by_one_loop(deployed: Deployed):
    deployed.http("catalog-api", "POST", "/products", as_="staff", body=PRODUCT)

    statuses = [deployed.http("catalog-api", "GET", "/products/mug", as_="customer")[0] for _ in range(200)]

    assert statuses == [200] * 200
