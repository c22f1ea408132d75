"""The functions of a deployed stack called one at a time, with nothing between them that tries again: a refusal is
seen at once.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
from botocore.session import get_session
from dependency_injector import providers

from parity.stack import Stack
from parity.story import Story
from shop.kernel.clock import system_clock
from shop.kernel.events import Cause, Envelope, Event, Publisher
from shop.kernel.ids import ids
from shop.platform.aws import Aws
from shop.platform.container_aws import Role
from shop.platform.settings import read_settings
from shop.platform.storage import dynamodb_items

THEN = Cause(id="then")


class Refused(Exception):
    """A function failed, or had not the effect that it should have."""


@dataclass(kw_only=True)
class ByHand:
    """Needs the clients of lambda, dynamodb and sqs."""

    story: Story
    stack: Stack
    aws: Aws
    numbers: Iterator[int]  # each once

    def name(self, kind: str) -> str:
        """One that nobody else has: of a product, a customer, a key."""
        return f"{kind}-{next(self.numbers)}"

    async def asks(self, method: str, path: str, who: str = "clerk", **more: Any) -> Any:
        """What the function that answers there says."""
        headers = self.story.bearer(who, "staff" if who == "clerk" else "customer") | more.pop("headers", {})
        answer = await self.story.http.request(method, path, headers=headers, **more)
        if answer.is_error:
            raise Refused(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()

    async def calls(self, name: str, event: Mapping[str, Any]) -> Any:
        """What `orders-relay` makes of an event."""
        answer = await self.aws.client("lambda").invoke(FunctionName=f"shop-{name}", Payload=json.dumps(event))
        told = json.loads(await answer["Payload"].read())
        if "FunctionError" in answer:
            raise Refused(f"{name}: {told}")
        return told

    async def hears(self, context: str, *events: Envelope) -> None:
        """The context, of all of them in one batch."""
        bodies = [msgspec.json.encode({"detail": event}).decode() for event in events]
        failed = await self.consumes(context, [(body, "no receipt") for body in bodies])
        if failed:
            raise Refused(f"{context} failed to consume {len(failed)} of {len(events)}")

    async def consumes(self, context: str, messages: list[tuple[str, str]]) -> list[Any]:
        """Bodies and receipts of messages; those that failed."""
        records = [
            {
                "messageId": f"m{n}",
                "receiptHandle": receipt,
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1"},
            }
            for n, (body, receipt) in enumerate(messages)
        ]
        failed: list[Any] = (await self.calls(f"{context}-consumer", {"Records": records}))["batchItemFailures"]
        return failed

    async def passes_on(self, context: str, event: Envelope) -> None:
        """The context's relay, of an event that is in the outbox."""
        item = await self.commits(context, event)
        record = {"eventName": "INSERT", "dynamodb": {"Keys": {key: item[key] for key in ("pk", "sk")}}}
        record["dynamodb"]["NewImage"] = item
        await self.calls(f"{context}-relay", {"Records": [record]})

    async def commits(self, context: str, event: Envelope) -> Any:
        """Into the context's outbox; the item."""
        item = dynamodb_items.publish(event)["Put"]["Item"]
        await self.aws.client("dynamodb").put_item(TableName=f"shop-{context}", Item=item)
        return item

    async def left(self, context: str, event: Envelope) -> bool:
        """Whether it is in the outbox still."""
        item = dynamodb_items.publish(event)["Put"]["Item"]
        key = {name: item[name] for name in ("pk", "sk")}
        found = await self.aws.client("dynamodb").get_item(TableName=f"shop-{context}", Key=key, ConsistentRead=True)
        return "Item" in found

    async def begins_with_nothing_in(self, context: str) -> None:
        """Nor in the dead-letter queue."""
        for queue in (context, f"{context}-dead"):
            await self.stack.aws.client("sqs").purge_queue(QueueUrl=await self.stack.address(queue))

    async def begins_anew(self, function: str) -> None:
        """In a new environment, which has found out nothing yet."""
        memory = 512 + next(self.numbers)
        await self.aws.client("lambda").update_function_configuration(
            FunctionName=f"shop-{function}", MemorySize=memory
        )


def event(fact: Event, *, of: str, ago: timedelta = timedelta()) -> Envelope:
    """As a context publishes it, or did a while ago."""

    def then():
        return system_clock() - ago

    return Publisher(source=f"/shop/{of}", ids=ids(then))(fact, at=then(), cause=THEN)


@contextmanager
def without(permission: str, policies: Policies) -> Iterator[None]:
    """`orders-api: dynamodb:GetItem table`: the function's role has all the others meanwhile."""
    name, action, what = permission.replace(":", "", 1).split()
    whole = policies.read(name)
    less = [
        one | {"Action": [each for each in one["Action"] if each != action or kind(one) != what]}
        for one in whole["Statement"]
    ]
    policies.write(name, whole | {"Statement": [one for one in less if one["Action"]]})
    try:
        yield
    finally:
        policies.write(name, whole)


class Policies:
    """What functions may do, as it is in force."""

    def __init__(self) -> None:
        self._iam = get_session().create_client("iam")
        functions = get_session().create_client("lambda").list_functions(MaxItems=50)["Functions"]
        self._roles = {one["FunctionName"]: one["Role"].rpartition("/")[2] for one in functions}

    def read(self, function: str) -> Any:
        return self._iam.get_role_policy(**self._of(function))["PolicyDocument"]

    def write(self, function: str, document: Any) -> None:
        self._iam.put_role_policy(**self._of(function), PolicyDocument=json.dumps(document))

    def _of(self, function: str) -> dict[str, str]:
        return {"RoleName": self._roles[f"shop-{function}"], "PolicyName": "own"}


def kind(statement: Any) -> str:
    """Of what a statement is about."""
    [resource] = statement["Resource"]
    kinds = {"/index/*": "index", "/shop-log": "log", ":table/": "table", ":event-bus/": "bus", ":sqs:": "queue"}
    return next((told for part, told in kinds.items() if part in resource), "function")


@asynccontextmanager
async def earlier(kind: Any, *, ago: timedelta) -> AsyncIterator[Any]:
    """The acts of a context (`RewardsAlone`), as if it were then."""
    house = kind(settings=read_settings({"SHOP_STORAGE": "dynamodb", "SHOP_STACK": "shop"}), role=Role.JOBS)
    house.platform.clock.override(providers.Object(lambda: system_clock() - ago))
    await house.platform.aws().open()
    try:
        yield house.context
    finally:
        await house.platform.aws().close()
