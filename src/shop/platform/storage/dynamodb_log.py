"""The log in DynamoDB, by the moment at which events were logged, which is a little after their commit."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, NamedTuple

import msgspec

from shop.kernel.clock import Clock
from shop.platform.aws import Aws
from shop.platform.aws_errors import FAILED
from shop.platform.storage import dynamodb_log_keys as keys
from shop.platform.storage.cursor import cursor, point
from shop.platform.storage.dynamodb_calls import Patience, patiently
from shop.platform.storage.dynamodb_events import json_of
from shop.platform.storage.dynamodb_schema import name_of_log
from shop.platform.storage.log import Stretch
from shop.platform.storage.port import ForeignCursor, Unavailable

_QUESTION = ("log",)
_MOST_ROUNDS = 24  # of four queries each, and so many hours, at most, in one read
_FEWEST = 25  # events asked of a partition
_MOST_BYTES = 2 * 1024 * 1024

_Point = Annotated[str, msgspec.Meta(min_length=27, max_length=1024)]


class _Seen(NamedTuple):
    place: str
    body: bytes


class _Round(NamedTuple):
    found: Sequence[_Seen]  # by place
    upto: str  # all up to here is in it


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamoLog:
    """Stays `lag` behind, for what is written at this moment; needs the client of dynamodb.

    `missing` is told to the hour: it may be said of a reader that has missed nothing.
    """

    aws: Aws
    stack: str
    clock: Clock
    lag: timedelta = keys.LAG
    keep: timedelta = keys.KEPT

    async def read(self, *, after: str | None, types: Collection[str], most: int) -> Stretch:
        """As the port says. `Unavailable` if the table is out of reach."""
        now = self.clock()
        since = "" if after is None else self._point(after, now)
        try:
            return await self._stretch(since, now, types, most)
        except FAILED as error:
            raise Unavailable("the log is out of reach") from error

    def _point(self, after: str, now: datetime) -> str:
        since: str = point(after, _QUESTION, _Point)
        try:
            ahead = keys.moment_of_place(since) > now
        except ValueError as error:
            raise ForeignCursor("this is no cursor of ours: begin without one") from error
        if ahead:
            raise ForeignCursor("this cursor is of a time to come: begin without one")
        return since

    async def _stretch(self, since: str, now: datetime, types: Collection[str], most: int) -> Stretch:
        kept_from, end = keys.behind(now - self.keep), keys.behind(now - self.lag)
        missing = since < kept_from and await self._forgotten(since, kept_from)
        begin = max(since, kept_from)
        found, upto = await self._collect(begin, end, types, most + 1)
        shown, size = list[_Seen](), 0
        for one in found[:most]:
            shown.append(one)
            size += len(one.body)
            if size >= _MOST_BYTES:
                break
        cut = len(shown) < len(found)
        last = shown[-1].place if cut else upto
        return Stretch([one.body for one in shown], cursor(_QUESTION, last), cut or upto < end, missing)

    async def _collect(self, begin: str, end: str, types: Collection[str], most: int) -> tuple[list[_Seen], str]:
        """Events behind the place, so many if there are, and up to where they are all; a bounded number of queries."""
        if end <= begin:
            return [], begin
        hours = await self._hours(begin, end)
        found, at, size = list[_Seen](), begin, 0
        rounds = 0
        for hour in hours:
            last = min(keys.last_of(hour), end)
            while at < last:
                if rounds == _MOST_ROUNDS or len(found) >= most or size >= _MOST_BYTES:
                    return found, at
                rounds += 1
                some = await self._round(hour, at, last, types, most - len(found))
                found += some.found
                size += sum(len(one.body) for one in some.found)
                at = some.upto
        return found, at if len(hours) == _MOST_ROUNDS else end

    async def _hours(self, begin: str, end: str) -> Sequence[str]:
        answer = await self._query(keys.HOURS, keys.hour_of(begin), keys.hour_of(end), Limit=_MOST_ROUNDS)
        return [item["sk"]["S"] for item in answer["Items"]]

    async def _forgotten(self, since: str, kept_from: str) -> bool:
        """Whether something was logged in the hours from the one until the other."""
        answer = await self._query(keys.HOURS, keys.hour_of(since) or "0", keys.hour_of(kept_from), Limit=1)
        return bool(answer["Items"])

    async def _round(self, hour: str, after: str, upto: str, types: Collection[str], most: int) -> _Round:
        """A query of each partition; events up to the place where the first of those ends that have more."""
        answers = await asyncio.gather(
            *(self._partition(hour, number, after, upto, types, most) for number in range(keys.PARTITIONS))
        )
        end = min(
            [answer["LastEvaluatedKey"]["sk"]["S"] for answer in answers if "LastEvaluatedKey" in answer] or [upto]
        )
        return _Round(sorted(_seen(answers, after, end)), end)

    async def _partition(
        self, hour: str, number: int, after: str, upto: str, types: Collection[str], most: int
    ) -> Mapping[str, Any]:
        more: dict[str, Any] = {"Limit": max(_FEWEST, most // 2)}
        if types:
            more["FilterExpression"] = f"#type IN ({', '.join(f':type{n}' for n, _ in enumerate(types))})"
            more["ExpressionAttributeNames"] = {"#type": "type"}
        values = {f":type{n}": {"S": kind} for n, kind in enumerate(types)}
        return await self._query({"S": keys.partition(hour, number)}, after, upto, values=values, **more)

    async def _query(
        self, pk: Mapping[str, str], low: str, high: str, *, values: Mapping[str, Any] | None = None, **more: Any
    ) -> Mapping[str, Any]:
        asked = {
            "TableName": name_of_log(stack=self.stack),
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :low AND :high",
            "ExpressionAttributeValues": {":pk": pk, ":low": {"S": low}, ":high": {"S": high}, **(values or {})},
            **more,
        }
        answer: Mapping[str, Any] = await patiently(
            lambda: self.aws.client("dynamodb").query(**asked), patience=Patience()
        )
        return answer


def _seen(answers: Sequence[Mapping[str, Any]], after: str, upto: str) -> Iterator[_Seen]:
    for answer in answers:
        for item in answer["Items"]:
            place = item["sk"]["S"]
            if after < place <= upto:
                yield _Seen(place, json_of(item["body"]))
