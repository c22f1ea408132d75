"""What becomes of events, counted."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from shop.kernel.clock import Clock
from shop.kernel.events import Envelope
from shop.platform.figures import Counting, Distribution, Figures, Metric, Series, Tally
from shop.platform.metrics import (
    DELIVERY_DELAY,
    DELIVERY_ERRORS,
    EVENTS_COMMITTED,
    EVENTS_DEAD,
    EVENTS_DELIVERED,
    EVENTS_PUBLISHED,
    EVENTS_RETRIED,
)

_NAME = re.compile(r"\w+")


class EventFigures:
    """A watcher (`journey.py`): of every event, and of those that a context counts for their business."""

    def __init__(self, figures: Figures, *, business: Counting, clock: Clock) -> None:
        self._figures = figures
        self._business = {kind: self._counts(what) for kind, what in business.items()}
        self._clock = clock
        self._committed: dict[str, Tally] = {}  # by type
        self._published: dict[str, Tally] = {}
        self._delivered: dict[tuple[str, str], tuple[Tally, Distribution]] = {}  # by type and consumer

    def committed(self, events: Sequence[Envelope]) -> None:
        """With what its context counts of it."""
        for event in events:
            (self._committed.get(event.type) or self._know(self._committed, EVENTS_COMMITTED, event.type)).value += 1
            if (count := self._business.get(event.type)) is None:
                continue
            if isinstance(count, Tally):
                count.value += 1
            else:
                count(event, self._figures)

    def published(self, events: Sequence[Envelope]) -> None:
        """Twice where the bus is told twice."""
        for event in events:
            (self._published.get(event.type) or self._know(self._published, EVENTS_PUBLISHED, event.type)).value += 1

    def delivered(self, event: Envelope, *, consumer: str, attempts: int) -> None:  # noqa: ARG002 - a watcher is told
        """With the time since it happened."""
        known = self._delivered.get((event.type, consumer)) or self._know_delivery(event.type, consumer)
        known[0].value += 1
        try:
            seconds = (self._clock() - datetime.fromisoformat(event.time)).total_seconds()
        except (ValueError, TypeError):
            return  # of who sent it by hand: it has had its effect, whenever it happened
        known[1].add(seconds if seconds > 0 else 0.0)

    def failed(
        self,
        event: Envelope,
        *,
        consumer: str,
        attempts: int,  # noqa: ARG002
        wait: timedelta | None,
        reason: str,
    ) -> None:
        """With the kind of error that its reason begins with."""
        self._figures.count(EVENTS_DEAD if wait is None else EVENTS_RETRIED, event.type, consumer)
        name = _NAME.match(reason)
        self._figures.count(DELIVERY_ERRORS, consumer, name[0] if name else "other")

    def _counts(
        self, what: Series | Callable[[Envelope, Figures], None]
    ) -> Tally | Callable[[Envelope, Figures], None]:
        return self._figures.tally(*what) if isinstance(what, tuple) else what

    def _know(self, known: dict[str, Tally], metric: Metric, kind: str) -> Tally:
        return known.setdefault(kind, self._figures.tally(metric, kind))

    def _know_delivery(self, *labels: str) -> tuple[Tally, Distribution]:
        found = self._figures.tally(EVENTS_DELIVERED, *labels), self._figures.distribution(DELIVERY_DELAY, *labels)
        return self._delivered.setdefault((labels[0], labels[1]), found)
