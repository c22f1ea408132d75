"""Events as CloudEvents 1.0 (JSON), and what caused a write.

Source: CloudEvents 1.0.2 and its distributed-tracing extension; seed «Event-Driven Communication».
"""

from __future__ import annotations

import builtins
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, TypeVar

import msgspec

from shop.kernel.clock import rfc3339
from shop.kernel.ids import Ids


class Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A fact that a context publishes; each kind, in a `contract.py`, names itself and whom it is about."""

    TYPE: ClassVar[str]  # the seed's dotted name
    ABOUT: ClassVar[str]  # the field that holds the id of the aggregate
    VERSION: ClassVar[int] = 1


E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one consumer. `id` is the bus's own; `event_id` is the same in every copy."""

    id: str
    event_id: str
    consumer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why something is written: the request or event it comes from, the trace, and the delivery it ends."""

    id: str
    traceparent: str | None = None
    delivery: Delivery | None = None


class Envelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A CloudEvent. `data` is JSON as it was written; a consumer decodes it into the publisher's type."""

    id: str
    type: str
    source: str
    subject: str
    time: str
    dataschema: str
    data: msgspec.Raw
    traceparent: str | None = None
    # Factories, because plain defaults would be left out on the wire, and CloudEvents requires the version.
    datacontenttype: str = msgspec.field(default_factory=lambda: "application/json")
    specversion: str = msgspec.field(default_factory=lambda: "1.0")

    def read(self, kind: builtins.type[E]) -> E:
        """The event's data as the publisher's type. Fields that the type does not know are passed over."""
        return msgspec.json.decode(self.data, type=kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """How a context wraps its facts; `source` is `/shop/<context>`."""

    source: str
    ids: Ids

    def __call__(self, event: Event, *, at: datetime, cause: Cause) -> Envelope:
        """The fact as a CloudEvent with an id of its own, in the trace of what caused it."""
        return Envelope(
            id=self.ids("evt"),
            type=event.TYPE,
            source=self.source,
            subject=getattr(event, event.ABOUT),
            time=rfc3339(at),
            dataschema=f"urn:shop:{event.TYPE}:{event.VERSION}",
            data=msgspec.Raw(msgspec.json.encode(event)),
            traceparent=cause.traceparent,
        )
