"""The bus on AWS, on its way out: from a context's outbox to EventBridge, into the log, out of the outbox.

An event leaves the outbox after it has gone everywhere else, so whoever is cut off anywhere has it sent again. What
is left there was not published: `sweep` finds it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog

from shop.kernel.clock import Clock, micros
from shop.kernel.events import Cause, Envelope
from shop.platform.aws import Aws
from shop.platform.aws_errors import FAILED, is_refused, why
from shop.platform.bus_aws_entries import Entry, calls, events_of_items
from shop.platform.journey import NOBODY, Watcher
from shop.platform.storage.dynamodb_calls import Patience, patiently
from shop.platform.storage.dynamodb_events import delete, outbox_key, pause
from shop.platform.storage.dynamodb_log_keys import KEPT
from shop.platform.storage.dynamodb_log_writer import LogWriter
from shop.platform.storage.dynamodb_schema import OUTBOXES, name_of
from shop.platform.storage.port import Unavailable

_CALLS_AT_ONCE = 8
_TRIES = 6  # of entries that EventBridge did not take; some three quarters of a second in all
OVERDUE = timedelta(minutes=1)
_PAGE = 100
_MOST_REMEMBERED = 10_000
_MOST_SWEPT = 2_000  # of a partition, in one run

log = structlog.get_logger("shop.bus")


class Unpublished(Unavailable):
    """Events that could not be published, or not taken out of the outbox: they will be (again)."""


class Relay:
    """Publishes a context's events; needs the clients of events and dynamodb.

    Calls of EventBridge that are throttled, or fail on their way, are repeated by the SDK (`aws.py`: standard mode,
    three attempts): an event that is sent twice is heard once.
    """

    def __init__(
        self,
        aws: Aws,
        *,
        stack: str,
        context: str,
        clock: Clock,
        keep: timedelta = KEPT,
        watcher: Watcher = NOBODY,
    ) -> None:
        """`keep`: events stay so long in the log."""
        self._aws = aws
        self._context = context
        self._clock = clock
        self._watcher = watcher
        self._bus = stack
        self._table = name_of(context, stack=stack)
        self._log = LogWriter(aws, stack=stack, clock=clock, keep=keep)
        self._room = asyncio.Semaphore(_CALLS_AT_ONCE)
        self._passed: OrderedDict[str, None] = OrderedDict()  # ids of events that have gone everywhere

    async def publish(self, events: Sequence[Envelope]) -> None:
        """In any order, each once or more often; `Unpublished` says how many of them stay in the outbox.

        What this process has passed on already is left out: a stream gives a batch again whole.
        """
        new = [event for event in events if event.id not in self._passed]
        parts = [self._call(call) for call in calls(new, context=self._context)]
        left = sum(await asyncio.gather(*parts))
        if left:
            raise Unpublished(f"{left} of {len(events)} events are not published yet")

    async def sweep(self, cause: Cause, *, overdue: timedelta = OVERDUE) -> None:  # noqa: ARG002 - a job is given one
        """Publish what has been in the outbox for more than a minute: whoever committed it did not come to it.

        `Unpublished` if some stay there.
        """
        before = f"evt_{micros(self._clock() - overdue) // 1000:012x}"  # ids begin with their milliseconds
        swept = await asyncio.gather(*(self._sweep(number, before) for number in range(OUTBOXES)))
        found, left = (sum(figures) for figures in zip(*swept, strict=True))
        if found:
            log.warning("outbox.swept", context=self._context, found=found, left=left)
        if left:
            raise Unpublished(f"{left} of {found} overdue events are not published yet")

    async def _sweep(self, number: int, before: str) -> tuple[int, int]:
        """Of one partition: how many were overdue, and how many of them still are."""
        found, left, page = 0, 0, await self._overdue(number, before, {})
        while True:
            events = events_of_items(page["Items"])
            found += len(page["Items"])
            left += len(page["Items"]) - len(events)
            for call in calls(events, context=self._context):
                left += await self._call(call)
            if "LastEvaluatedKey" not in page or found >= _MOST_SWEPT:
                return found, left
            page = await self._overdue(number, before, {"ExclusiveStartKey": page["LastEvaluatedKey"]})

    async def _overdue(self, number: int, before: str, start: Mapping[str, Any]) -> Mapping[str, Any]:
        asked = {
            "TableName": self._table,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :pk AND sk < :before",
            "ExpressionAttributeValues": {":pk": {"S": f"outbox#{number}"}, ":before": {"S": before}},
            "Limit": _PAGE,
            **start,
        }
        page: Mapping[str, Any] = await patiently(
            lambda: self._aws.client("dynamodb").query(**asked), patience=Patience()
        )
        return page

    async def _call(self, call: Sequence[Entry]) -> int:
        """Publish these, log them, take them out of the outbox, in this order; how many stay there."""
        async with self._room:
            taken = await self._put(call)
            events = [entry.event for entry in taken]
            try:
                await self._log.add(events)
                await delete(self._aws.client("dynamodb"), self._table, [outbox_key(event.id) for event in events])
            except (*FAILED, Unavailable) as error:
                log.warning("outbox.not_emptied", context=self._context, count=len(events), reason=why(error))
                return len(call)
            self._remember(events)
            self._watcher.published(events)
            return len(call) - len(events)

    def _remember(self, events: Sequence[Envelope]) -> None:
        self._passed.update(dict.fromkeys(event.id for event in events))
        while len(self._passed) > _MOST_REMEMBERED:
            self._passed.popitem(last=False)

    async def _put(self, call: Sequence[Entry]) -> list[Entry]:
        """Those that EventBridge took; the others it was offered several times."""
        left, taken, reason = list(call), list[Entry](), ""
        for attempt in range(_TRIES):
            try:
                answer = await self._aws.client("events").put_events(
                    Entries=[entry.told(bus=self._bus) for entry in left]
                )
            except FAILED as error:  # the SDK has tried again already, where that may help
                if len(left) > 1 and is_refused(error):  # as a whole, be it for one of them
                    alone = await asyncio.gather(*(self._put([entry]) for entry in left))
                    return taken + [entry for one in alone for entry in one]
                reason = why(error)
                break
            results = list(zip(left, answer["Entries"], strict=True))
            taken += [entry for entry, result in results if "ErrorCode" not in result]
            left = [entry for entry, result in results if "ErrorCode" in result]
            if not left:
                return taken
            reason = ", ".join(sorted({result["ErrorCode"] for _, result in results if "ErrorCode" in result}))
            await pause(attempt)
        log.warning("events.not_published", context=self._context, count=len(left), reason=reason)
        return taken
