"""One table: items read consistently, and transactions that are written once however often they are sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from itertools import islice
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from shop.platform.aws import Aws
from shop.platform.storage.dynamodb_calls import CANCELED, Patience, Unprocessed, code, patiently, reasons

Item = Mapping[str, Mapping[str, Any]]  # attribute -> {type: value}
Key = tuple[str, str]  # pk, sk

MOST_WRITTEN = 100  # items of a transaction
_MOST_READ = 100  # items of a call
_FAILED = "ConditionalCheckFailed"


class Refused(Exception):
    """A condition did not hold, so nothing was written; `items`: at least one of those that did not, by number."""

    def __init__(self, items: Collection[int]) -> None:
        super().__init__(f"of items {sorted(items)}")
        self.items = frozenset(items)


class DynamoTable:
    """By its name, with the retries of this engine."""

    def __init__(self, aws: Aws, name: str, *, patience: Patience) -> None:
        self.name = name
        self._aws = aws
        self._patience = patience

    @property
    def _client(self) -> Any:
        return self._aws.client("dynamodb")

    async def item(self, key: Key) -> Item | None:
        """The item under the key."""
        asked = {"TableName": self.name, "Key": _key(key), "ConsistentRead": True}
        answer = await patiently(lambda: self._client.get_item(**asked), patience=self._patience)
        found: Item | None = answer.get("Item")
        return found

    async def items(self, keys: Collection[Key], *, only: Sequence[str] = ()) -> dict[Key, Item]:
        """Those that exist, 100 with a call. `only`: these attributes, and the keys."""
        left = iter(dict.fromkeys(keys))
        parts = iter(lambda: list(islice(left, _MOST_READ)), [])
        found = await asyncio.gather(*(self._part(part, only) for part in parts))
        return {(item["pk"]["S"], item["sk"]["S"]): item for part in found for item in part}

    async def _part(self, keys: Sequence[Key], only: Sequence[str]) -> list[Item]:
        asked: dict[str, Any] = {"Keys": [_key(key) for key in keys], "ConsistentRead": True}
        if only:
            asked |= _projection(("pk", "sk", *only))
        found: list[Item] = []

        async def once() -> None:
            answer = await self._client.batch_get_item(RequestItems={self.name: asked})
            found.extend(answer["Responses"].get(self.name, ()))
            left = answer.get("UnprocessedKeys", {}).get(self.name)
            if left:
                asked["Keys"] = left["Keys"]
                raise Unprocessed(f"{len(left['Keys'])} of {len(keys)} items")

        await patiently(once, patience=self._patience)
        return found

    async def query(self, *, most: int, **question: Any) -> tuple[list[Item], bool]:
        """So many items at least if there are so many, and whether there is nothing behind them."""
        found: list[Item] = []
        asked = {"TableName": self.name, "Limit": most, **question}
        while True:
            answer = await patiently(lambda: self._client.query(**asked), patience=self._patience)
            found += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return found, True
            if len(found) >= most:
                return found, False
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    async def scan(self, **question: Any) -> AsyncIterator[Item]:
        """Every item of the table that passes the filter, in no order."""
        asked = {"TableName": self.name, "ConsistentRead": True, **question}
        while True:
            answer = await patiently(lambda: self._client.scan(**asked), patience=self._patience)
            for item in answer["Items"]:
                yield item
            if "LastEvaluatedKey" not in answer:
                return
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    async def write(self, items: Sequence[Mapping[str, Any]]) -> None:
        """All of these puts, updates and deletes or none; `Refused` if a condition does not hold, `Unavailable`."""
        token = str(uuid4())
        named = [{kind: {"TableName": self.name, **what} for kind, what in item.items()} for item in items]
        try:
            await patiently(
                lambda: self._client.transact_write_items(TransactItems=named, ClientRequestToken=token),
                patience=self._patience,
                writes=True,
            )
        except ClientError as error:
            failed = {n for n, reason in enumerate(reasons(error)) if reason == _FAILED}
            if code(error) != CANCELED or not failed:
                raise
            raise Refused(failed) from error


def _key(key: Key) -> dict[str, dict[str, str]]:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def _projection(only: Sequence[str]) -> dict[str, Any]:
    names = {f"#o{n}": name for n, name in enumerate(only)}
    return {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names}
