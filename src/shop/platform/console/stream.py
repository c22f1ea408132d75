"""What becomes of events, remembered for a while and told to whoever looks on."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice

import msgspec
from msgspec.structs import replace

from shop.kernel.clock import Clock, micros
from shop.kernel.events import Envelope

_KEPT = 2000  # moments
_LONGEST_DATA = 1000  # bytes
_NO_DATA = msgspec.Raw(b"{}")
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


_Kept = tuple[datetime, str, Envelope, str | None, int | None, timedelta | None, str | None]


class Stream:
    """A watcher that remembers the last moments. Those who look on ask what there is since a moment, and for news.

    Nearly always nobody does: what is kept is no more than a tuple, and becomes a `Moment` for who asks. Long data is
    not kept.
    """

    def __init__(self, *, clock: Clock, kept: int = _KEPT) -> None:
        self._clock = clock
        self._kept: deque[_Kept] = deque(maxlen=kept)
        self._n = micros(clock())  # of the next moment
        self._looking_on: set[asyncio.Event] = set()
        self.ended = False

    def committed(self, events: Sequence[Envelope]) -> None:
        """As a watcher."""
        self._all("committed", events)

    def published(self, events: Sequence[Envelope]) -> None:
        """As a watcher."""
        self._all("published", events)

    def delivered(self, event: Envelope, *, consumer: str, attempts: int) -> None:
        """As a watcher."""
        self._keep((self._clock(), "delivered", event, consumer, attempts, None, None))

    def failed(self, event: Envelope, *, consumer: str, attempts: int, wait: timedelta | None, reason: str) -> None:
        """As a watcher."""
        what = "dead" if wait is None else "failed"
        self._keep((self._clock(), what, event, consumer, attempts, wait, reason))

    def replayed(self, event: Envelope, *, consumer: str) -> None:
        """Somebody has it delivered again."""
        self._keep((self._clock(), "replayed", event, consumer, None, None, None))

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

    def _all(self, what: str, events: Sequence[Envelope]) -> None:
        now = self._clock()
        for event in events:
            self._keep((now, what, event, None, None, None, None))

    def _keep(self, kept: _Kept) -> None:
        if len(kept[2].data) > _LONGEST_DATA:
            at, what, event, *more = kept
            kept = (at, what, replace(event, data=_NO_DATA), *more)  # type: ignore[assignment]
        self._kept.append(kept)
        self._n += 1
        if self._looking_on:
            self._wake()

    def _wake(self) -> None:
        for news in self._looking_on:
            news.set()


def _moment(
    n: int,
    at: datetime,
    what: str,
    event: Envelope,
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
        event=_seen(event),
        consumer=consumer,
        attempts=attempts,
        again_in=again_in,
        reason=reason,
    )


def _seen(event: Envelope) -> Seen:
    order_id = msgspec.json.decode(event.data, type=_OfAnOrder).order_id
    return Seen(
        id=event.id, type=event.type, source=event.source, subject=event.subject, time=event.time, order_id=order_id
    )
