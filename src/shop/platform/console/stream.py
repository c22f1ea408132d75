"""What becomes of events, remembered for a while and told to whoever looks on."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice

import msgspec

from shop.kernel.clock import Clock, micros
from shop.kernel.events import Envelope

_KEPT = 2000  # moments
_LONGEST_DATA = 1000  # bytes
_MOST = 300  # told at once; of more than that the newest


class Seen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel", gc=False):
    """Of an event what is shown of it; `order_id` where its data names one."""

    id: str
    type: str
    source: str
    subject: str
    time: str
    order_id: str | None = None


class Moment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel", gc=False):
    """Something that became of an event: `committed`, `published`, `delivered`, `failed`, `dead` or `replayed`.

    `consumer` and `attempts` belong to deliveries; of a failure `again_in` is seconds, and `reason` tells it without
    data. `n` grows, also over servers that follow each other.
    """

    n: int
    at: datetime
    what: str
    event: Seen
    consumer: str | None = None
    attempts: int | None = None
    again_in: float | None = None
    reason: str | None = None


class _OfAnOrder(msgspec.Struct, rename="camel"):
    order_id: str | None = None


_Event = tuple[str, str, str, str, str, bytes]  # as in `Seen`, and data
_Kept = tuple[datetime, str, _Event, str | None, int | None, timedelta | None, str | None]


class Stream:
    """A watcher that remembers the last moments. Those who look on ask what there is since a moment, and for news.

    Nearly always nobody does: what is kept is no more than a tuple, and becomes a `Moment` for who asks. Data that is
    long is not kept.
    """

    def __init__(self, *, clock: Clock, kept: int = _KEPT) -> None:
        self._clock = clock
        self._kept: deque[_Kept] = deque(maxlen=kept)
        self._n = micros(clock())  # of the next moment
        self._looking_on: set[asyncio.Event] = set()
        self.ended = False

    def committed(self, events: Sequence[Envelope]) -> None:
        """As a watcher."""
        self._keep(
            [(now, "committed", _of(event), None, None, None, None) for now in (self._clock(),) for event in events]
        )

    def published(self, events: Sequence[Envelope]) -> None:
        """As a watcher."""
        self._keep(
            [(now, "published", _of(event), None, None, None, None) for now in (self._clock(),) for event in events]
        )

    def delivered(self, event: Envelope, *, consumer: str, attempts: int) -> None:
        """As a watcher."""
        self._keep([(self._clock(), "delivered", _of(event), consumer, attempts, None, None)])

    def failed(self, event: Envelope, *, consumer: str, attempts: int, wait: timedelta | None, reason: str) -> None:
        """As a watcher."""
        what = "dead" if wait is None else "failed"
        self._keep([(self._clock(), what, _of(event), consumer, attempts, wait, reason)])

    def replayed(self, event: Envelope, *, consumer: str) -> None:
        """Somebody has it delivered again."""
        self._keep([(self._clock(), "replayed", _of(event), consumer, None, None, None)])

    def since(self, n: int) -> Sequence[Moment]:
        """Moments after this one, oldest first; of very many the newest. A gap in `n` shows that some were left out."""
        last, there = self._n - 1, len(self._kept)
        new = min(last - n if n <= last else there, there, _MOST)
        first = self._n - new
        return [_moment(first + i, *kept) for i, kept in enumerate(islice(self._kept, there - new, None))]

    async def news(self, *, after: int, within: float) -> None:
        """Return when there is a moment after this one, or after so many seconds."""
        if self._n - 1 > after or self.ended:
            return
        news = asyncio.Event()
        self._looking_on.add(news)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(within):
                    await news.wait()
        finally:
            self._looking_on.discard(news)

    def end(self) -> None:
        """Whoever looks on is told no more: the server ends."""
        self.ended = True
        self._wake()

    def _keep(self, moments: Sequence[_Kept]) -> None:
        self._kept.extend(moments)
        self._n += len(moments)
        if self._looking_on:
            self._wake()

    def _wake(self) -> None:
        for news in self._looking_on:
            news.set()


def _moment(
    n: int,
    at: datetime,
    what: str,
    event: _Event,
    consumer: str | None,
    attempts: int | None,
    wait: timedelta | None,
    reason: str | None,
) -> Moment:
    again_in = wait.total_seconds() if wait is not None else None
    return Moment(
        n=n,
        at=at,
        what=what,
        event=_seen(*event),
        consumer=consumer,
        attempts=attempts,
        again_in=again_in,
        reason=reason,
    )


def _of(event: Envelope) -> _Event:
    data = bytes(event.data) if len(event.data) <= _LONGEST_DATA else b"{}"
    return event.id, event.type, event.source, event.subject, event.time, data


def _seen(identifier: str, kind: str, source: str, subject: str, time: str, data: bytes) -> Seen:
    order_id = msgspec.json.decode(data, type=_OfAnOrder).order_id
    return Seen(id=identifier, type=kind, source=source, subject=subject, time=time, order_id=order_id)
