"""Passing on what a server commits, at once: what cannot be is left to the sweep of the outbox."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from itertools import islice
from typing import cast

import structlog

from shop.kernel.events import Envelope
from shop.platform.observability import told_of

_AT_ONCE = 8  # calls under way
_TOGETHER = 100  # events of one call; the relay splits them as the bus wants
_MOST_WAITING = 10_000  # events, in memory

log = structlog.get_logger("shop.bus")


class PassingOn:
    """What comes while calls are under way goes together in the next one."""

    def __init__(self, publish: Callable[[Sequence[Envelope]], Awaitable[None]]) -> None:
        self._publish = publish
        self._waiting: deque[Envelope] = deque()
        self._too_many = 0  # events that found no room since the last call was begun
        self._workers: set[asyncio.Task[None]] = set()

    def committed(self, events: Sequence[Envelope]) -> None:
        """These are in the outbox from now on; they stay there while too many wait."""
        if len(self._waiting) < _MOST_WAITING:
            self._waiting.extend(events)
        else:
            self._too_many += len(events)
        if self._waiting and len(self._workers) < _AT_ONCE:
            worker = asyncio.create_task(self._work(), context=Context())  # not that of the request which began it
            self._workers.add(worker)

    async def stop(self, *, patience: float) -> None:
        """Finish what has begun, in so many seconds; what is left stays in the outbox."""
        if self._workers:
            _, late = await asyncio.wait(set(self._workers), timeout=patience)
            for worker in late:
                worker.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _work(self) -> None:
        try:
            await self._pass_on()
        finally:  # at once: whoever comes in the same turn of the loop does not count on this one
            self._workers.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _pass_on(self) -> None:
        while some := list(islice(self._waiting, _TOGETHER)):
            for _ in some:
                self._waiting.popleft()
            if self._too_many:
                log.warning("events.left_to_the_sweep", count=self._too_many, reason="too many wait")
                self._too_many = 0
            try:
                await self._publish(some)
            except Exception as error:  # noqa: BLE001 - the sweep finds them in the outbox
                log.warning("events.left_to_the_sweep", count=len(some), reason=told_of(error))
