"""Events as EventBridge takes them: entries of PutEvents, in calls that are not too large; and as a stream tells them.

Source: EventBridge, «Calculating PutEvents event entry size». Its pages differ on whether the limit is on the entry or
on the call, so that both keep to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog

from shop.kernel.events import Envelope
from shop.platform.observability import told_of
from shop.platform.storage.dynamodb_events import json_of

MOST_ENTRIES = 10  # a call
MOST_BYTES = 200 * 1024  # a call; an event that is larger goes alone

_OUTBOX = "outbox#"

log = structlog.get_logger("shop.bus")


@dataclass(frozen=True, slots=True)
class Entry:
    """An event on its way to the bus."""

    event: Envelope
    source: str
    detail: str

    @property
    def size(self) -> int:
        """What counts, in bytes."""
        return sum(len(text.encode()) for text in (self.source, self.event.type, self.detail))

    def told(self, *, bus: str) -> Mapping[str, str]:
        """As PutEvents takes it."""
        return {"Source": self.source, "DetailType": self.event.type, "Detail": self.detail, "EventBusName": bus}


def calls(events: Iterable[Envelope], *, context: str) -> Iterator[list[Entry]]:
    """The entries of each call of PutEvents; an event that is there twice goes once."""
    call, size = list[Entry](), 0
    for event in {event.id: event for event in events}.values():
        entry = Entry(event, f"shop.{context}", msgspec.json.encode(event).decode())
        if call and (len(call) == MOST_ENTRIES or size + entry.size > MOST_BYTES):
            yield call
            call, size = [], 0
        call.append(entry)
        size += entry.size
    if call:
        yield call


def events_of_stream(records: Sequence[Mapping[str, Any]]) -> list[Envelope]:
    """Events whose outbox items were inserted, of the records of a table's stream as Lambda gets them.

    One that cannot be read is logged and passed over: it stays in the outbox.
    """
    found = []
    for record in records:
        change = record["dynamodb"]
        if record["eventName"] == "INSERT" and change["Keys"]["pk"].get("S", "").startswith(_OUTBOX):
            found += events_of_items([change["NewImage"]])
    return found


def events_of_items(items: Iterable[Mapping[str, Any]]) -> list[Envelope]:
    """The events of outbox items. One that cannot be read is logged and passed over: it stays there."""
    found = []
    for item in items:
        try:
            found.append(msgspec.json.decode(json_of(item["body"]), type=Envelope))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it must not hold up the others
            log.error("outbox.unreadable", event_id=item["sk"]["S"], reason=told_of(error))  # noqa: TRY400
    return found
