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
_MOST = 300  # told at once; of more than that the newest


class Moment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel", gc=False):
    """Something that became of an event: `committed`, `published`, `delivered`, `failed`, `dead` or `replayed`.

    `consumer` and `attempts` belong to deliveries; of a failure `again_in` is seconds, and `reason` tells it without
    data. `n` grows, also over servers that follow each other.
    """

    n: int
    at: datetime
    what: str
    event: Envelope
    consumer: str | None = None
    attempts: int | None = None
    again_in: float | None = None
    reason: str | None = None


class Stream:
    """A watcher that remembers the last moments. Those who look on ask what there is since a moment, and for news."""

    def __init__(self, *, clock: Clock, kept: int = _KEPT) -> None:
        self._clock = clock
        self._moments: deque[Moment] = deque(maxlen=kept)
        self._n = micros(clock())
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
        self._add(
            Moment(n=self._n, at=self._clock(), what="delivered", event=event, consumer=consumer, attempts=attempts)
        )

    def failed(self, event: Envelope, *, consumer: str, attempts: int, wait: timedelta | None, reason: str) -> None:
        """As a watcher."""
        self._add(
            Moment(
                n=self._n,
                at=self._clock(),
                what="dead" if wait is None else "failed",
                event=event,
                consumer=consumer,
                attempts=attempts,
                again_in=None if wait is None else wait.total_seconds(),
                reason=reason,
            )
        )

    def replayed(self, event: Envelope, *, consumer: str) -> None:
        """Somebody has it delivered again."""
        self._add(Moment(n=self._n, at=self._clock(), what="replayed", event=event, consumer=consumer))

    def since(self, n: int) -> Sequence[Moment]:
        """Moments after this one, oldest first; of very many the newest. A gap in `n` shows that some were left out."""
        last, there = self._n - 1, len(self._moments)
        new = min(last - n if n <= last else there, there, _MOST)
        return list(islice(self._moments, there - new, None))

    async def news(self, *, within: float) -> None:
        """Return when something happens, or after so many seconds."""
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
            self._add(Moment(n=self._n, at=now, what=what, event=event))

    def _add(self, moment: Moment) -> None:
        self._moments.append(moment)
        self._n += 1
        if self._looking_on:
            self._wake()

    def _wake(self) -> None:
        for news in self._looking_on:
            news.set()
