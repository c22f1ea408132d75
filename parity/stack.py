"""What a stack on AWS has: whether anything is on its way, and how it is emptied."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from shop.platform.aws import Aws
from shop.platform.http.redis_layer import RedisLayer
from shop.platform.storage.dynamodb_calls import Patience, patiently
from shop.platform.storage.dynamodb_events import json_of

CONTEXTS = ("catalog", "orders", "rewards")
_ROUNDS = 3  # in a row in which nothing was seen: an event moves from an outbox to a queue and back in between
_PATIENCE = 100.0  # seconds: what failed once is tried again after a minute
_LOOK = 0.02
_LOOKS_SELDOM = 3  # times as long as a look takes, which the emulator has no time for the shop in


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Seen from outside, through AWS's own API."""

    aws: Aws
    name: str
    cache: RedisLayer

    async def until_quiet(self, *, patience: float = _PATIENCE) -> None:
        """`TimeoutError` says what is still on its way after so many seconds."""
        until, rounds = time.monotonic() + patience, 0
        while rounds < _ROUNDS:
            began = time.monotonic()
            left = await self._on_its_way()
            rounds = 0 if left else rounds + 1
            if left and time.monotonic() > until:
                raise TimeoutError(f"still on its way: {left}")
            await asyncio.sleep(max(_LOOK, _LOOKS_SELDOM * (time.monotonic() - began)))

    async def clear(self) -> None:
        """Empty its tables and dead-letter queues, and what is remembered of its products."""
        products = [item["pk"]["S"].removeprefix("product/") async for item in self._items("catalog", "product/")]
        if products:
            await self.cache.invalidate([f"product:{product_id}" for product_id in products])
        await asyncio.gather(*(self.empty(table) for table in (*CONTEXTS, "log")))
        sqs = self.aws.client("sqs")
        for context in CONTEXTS:
            await sqs.purge_queue(QueueUrl=await self.address(f"{context}-dead"))

    async def _on_its_way(self) -> Mapping[str, int]:
        found = {}
        for context in CONTEXTS:
            found[f"queue of {context}"] = await self.waiting(context)
        for context in () if any(found.values()) else CONTEXTS:
            found[f"outbox of {context}"] = len([item async for item in self._items(context, "outbox#")])
        return {what: count for what, count in found.items() if count}

    async def events(self) -> list[dict[str, Any]]:
        """Everything that its contexts have published, as it is in the log: the feed is some seconds behind it."""
        found = self._items("log", "log#", project="body")
        return [msgspec.json.decode(json_of(item["body"])) async for item in found if "body" in item]

    async def waiting(self, queue: str) -> int:
        """Messages in the queue, seen or not."""
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        sqs = self.aws.client("sqs")
        told = await sqs.get_queue_attributes(QueueUrl=await self.address(queue), AttributeNames=list(names))
        return sum(int(told["Attributes"][name]) for name in names)

    async def dead(self) -> dict[str, int]:
        """Contexts that have dead letters, and how many."""
        counts = {context: await self.waiting(f"{context}-dead") for context in CONTEXTS}
        return {context: count for context, count in counts.items() if count}

    async def send(self, queue: str, *bodies: str) -> None:
        """Messages into one of its queues, as if EventBridge had brought them."""
        url = await self.address(queue)
        for body in bodies:
            await self.aws.client("sqs").send_message(QueueUrl=url, MessageBody=body)

    async def publish(self, *events: Mapping[str, Any]) -> None:
        """Onto its bus, as a relay does, one call each; `events` as the log has them."""
        for event in events:
            context = event["source"].rpartition("/")[2]
            entry = {"Source": f"shop.{context}", "DetailType": event["type"], "Detail": json.dumps(event)}
            await self.aws.client("events").put_events(Entries=[{**entry, "EventBusName": self.name}])

    async def address(self, queue: str) -> str:
        """The URL of one of its queues."""
        url: str = (await self.aws.client("sqs").get_queue_url(QueueName=f"{self.name}-{queue}"))["QueueUrl"]
        return url

    async def _items(
        self, table: str, prefix: str = "", *, project: str = "pk, sk"
    ) -> AsyncIterator[Mapping[str, Any]]:
        asked: dict[str, Any] = {"TableName": f"{self.name}-{table}", "ProjectionExpression": project}
        asked["ConsistentRead"] = True
        if prefix:
            asked |= {"FilterExpression": "begins_with(pk, :p)", "ExpressionAttributeValues": {":p": {"S": prefix}}}
        while True:
            page = await patiently(partial(self.aws.client("dynamodb").scan, **asked), patience=Patience())
            for item in page["Items"]:
                yield item
            if "LastEvaluatedKey" not in page:
                return
            asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    async def empty(self, table: str) -> None:
        """Nothing is in the table any more."""
        items: Collection[Mapping[str, Any]] = [item async for item in self._items(table)]
        left = [{"DeleteRequest": {"Key": {"pk": item["pk"], "sk": item["sk"]}}} for item in items]
        dynamodb = self.aws.client("dynamodb")
        while left:
            some, left = left[:25], left[25:]
            asked = {f"{self.name}-{table}": some}
            await patiently(partial(dynamodb.batch_write_item, RequestItems=asked), patience=Patience())
