"""What is heard: a span for each time that a consumer is told of an event, in the trace of what caused it.

Semantic conventions «messaging» and «CloudEvents». The events of one delivery may come from several traces on AWS, so
each is a child of what published it, not of the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import wraps
from typing import Protocol

from opentelemetry.trace import SpanKind

from shop.kernel.events import Cause, Envelope
from shop.platform.bus import OnceMore, Reaction, Reactions
from shop.platform.tracing.spans import Attributes, Tracing, within


def attributes_of(event: Envelope, *, operation: str, kind: str, bus: str) -> dict[str, str | int]:
    """Of an event; whom it is about is left out: that may be a person."""
    return {
        "messaging.system": bus,
        "messaging.destination.name": event.type,
        "messaging.operation.name": operation,
        "messaging.operation.type": kind,
        "messaging.message.id": event.id,
        "cloudevents.event_id": event.id,
        "cloudevents.event_source": event.source,
        "cloudevents.event_type": event.type,
    }


class Heard(Protocol):
    """A context's reactions."""

    def table(self) -> Reactions:
        """`{event type: reaction}`."""


@dataclass(frozen=True, slots=True)
class TracedReactions:
    """They run in the trace of the event; run again, because others overtook them, it is another span."""

    inner: Heard
    tracing: Tracing
    consumer: str
    bus: str

    def table(self) -> Reactions:
        """`{event type: reaction}`."""
        return {kind: self._around(reaction) for kind, reaction in self.inner.table().items()}

    def _around(self, reaction: Reaction) -> Reaction:
        if isinstance(reaction, OnceMore):
            return OnceMore(self._around(reaction.react), after=reaction.after)

        @wraps(reaction)
        async def process(envelope: Envelope, cause: Cause) -> None:
            told = attributes_of(envelope, operation="process", kind="process", bus=self.bus)
            told["messaging.consumer.group.name"] = self.consumer
            name, parent = f"process {envelope.type}", within(envelope.traceparent)
            with self.tracing.span(name, SpanKind.CONSUMER, told, within=parent) as span:
                await reaction(envelope, replace(cause, traceparent=span.traceparent))

        return process


@dataclass(frozen=True, slots=True)
class TracedDeliveries:
    """A watcher: what was to be tried again, and what is dead, is seen in the trace of the event."""

    tracing: Tracing
    bus: str

    def committed(self, events: Sequence[Envelope]) -> None:
        """Seen as it is done."""

    def published(self, events: Sequence[Envelope]) -> None:
        """Seen as it is done."""

    def delivered(self, event: Envelope, *, consumer: str, attempts: int) -> None:
        """Seen as it is done."""

    def failed(self, event: Envelope, *, consumer: str, attempts: int, wait: timedelta | None, reason: str) -> None:
        """A moment; nothing is to be waited for: an error."""
        operation = "retry" if wait is not None else "dead-letter"
        told: Attributes = {
            **attributes_of(event, operation=operation, kind="settle", bus=self.bus),
            "messaging.consumer.group.name": consumer,
            "shop.delivery.attempts": attempts,
        }
        span = self.tracing.begin(f"{operation} {event.type}", SpanKind.CLIENT, told, within=within(event.traceparent))
        if wait is None:
            span.fail(reason, kind="dead-letter")
        span.end()
