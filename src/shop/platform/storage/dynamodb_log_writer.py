"""Writes published events into the log."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from shop.kernel.clock import Clock, micros, rfc3339
from shop.kernel.events import Envelope
from shop.platform.aws import Aws
from shop.platform.aws_errors import FAILED, is_forbidden
from shop.platform.storage import dynamodb_log_keys as keys
from shop.platform.storage.dynamodb_events import body_of, chunks, pause
from shop.platform.storage.dynamodb_schema import name_of_log
from shop.platform.storage.port import Unavailable

_MOST_WRITES = 25  # of one BatchWriteItem
_TRIES = 8


class LogWriter:
    """Of a process; it needs the client of dynamodb."""

    def __init__(self, aws: Aws, *, stack: str, clock: Clock, keep: timedelta = keys.KEPT) -> None:
        self._aws = aws
        self._table = name_of_log(stack=stack)
        self._clock = clock
        self._keep = keep
        self._noted = ""  # the last hour of which readers know that it has something

    async def add(self, events: Sequence[Envelope]) -> None:
        """Durable when it returns, each event once or more often; `Unavailable` after some tries."""
        for some in chunks(events, _MOST_WRITES):
            left, error = some, None
            for attempt in range(_TRIES):
                left, error = await self._try(left)
                if not left or (error is not None and is_forbidden(error)):
                    break
                await pause(attempt)
            if left:
                raise Unavailable(f"{len(left)} events could not be logged") from error

    async def _try(self, events: Sequence[Envelope]) -> tuple[Sequence[Envelope], Exception | None]:
        """Those that are not known to be written in time, which get a new moment, and why."""
        now = self._clock()
        places = {keys.place(now, event.id): event for event in events}
        try:
            async with asyncio.timeout(keys.IN_TIME.total_seconds()):
                await self._note(keys.hour_of(rfc3339(now)))
                writes = [{"PutRequest": {"Item": self._item(at, event, now)}} for at, event in places.items()]
                answer = await self._aws.client("dynamodb").batch_write_item(RequestItems={self._table: writes})
        except FAILED as error:
            return events, error
        left = answer.get("UnprocessedItems", {}).get(self._table, ())
        return [places[one["PutRequest"]["Item"]["sk"]["S"]] for one in left], None

    async def _note(self, hour: str) -> None:
        """Before anything is in it, so that no reader takes an hour for empty that is not."""
        if hour != self._noted:
            item = {"pk": keys.HOURS, "sk": {"S": hour}}
            await self._aws.client("dynamodb").put_item(TableName=self._table, Item=item)
            self._noted = hour

    def _item(self, at: str, event: Envelope, now: datetime) -> Mapping[str, Any]:
        return {
            "pk": {"S": keys.partition(keys.hour_of(at), keys.partition_of(event.id))},
            "sk": {"S": at},
            "type": {"S": event.type},
            "body": body_of(event),
            "ttl": {"N": str(micros(now + self._keep) // 1_000_000)},
        }
