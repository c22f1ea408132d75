"""The bus of one process (or several on one store): durable deliveries beside the data that caused them.

A delivery goes from COMMIT straight to a worker; its end is in the commit of the effect it has: effectively once.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from datetime import datetime, timedelta

import structlog

from shop.kernel.clock import Clock
from shop.kernel.errors import TryLater
from shop.platform.bus import MOST_ATTEMPTS, Backlog, Consumers, Jobs, routes, wait_after
from shop.platform.delivering import react, tell_failure
from shop.platform.jobs import repeated
from shop.platform.journey import NOBODY, Watcher
from shop.platform.observability import told_of
from shop.platform.storage import sqlite_deliveries as deliveries
from shop.platform.storage.port import AlreadyConsumed, Unavailable
from shop.platform.storage.sqlite import SqliteStore
from shop.platform.storage.sqlite_deliveries import Queued

_WORKERS = 64
_MOST_IN_MEMORY = 10_000
_PAGE = 500
_CROWD = 10  # requests that wait for their commit
_LULL = 0.05  # seconds
_LOOK_AGAIN = 0.005  # seconds until it is looked again whether the crowd is gone
_LONGEST_PUT_OFF = timedelta(seconds=2)
_LOOK = 0.1  # seconds between looks for what others have committed
_LOOK_FOR_OVERDUE = timedelta(seconds=5)

_MOST_WAIT = timedelta(seconds=30)
_PATIENCE = 2.0  # seconds for reactions that have begun when it stops
_PATIENCE_OF_RELEASE = 1.0  # seconds

log = structlog.get_logger("shop.bus")


class Overloaded(TryLater):
    """Deliveries wait too long to accept more."""

    code = "overloaded"


def listen(store: SqliteStore, consumers: Consumers) -> None:
    """From now on what is committed to the store queues its deliveries; some server makes them."""
    store.routes = routes(consumers)


class LocalBus:
    """Delivers what the store has queued, and runs the scheduled jobs."""

    def __init__(
        self,
        store: SqliteStore,
        *,
        clock: Clock,
        may_wait: frozenset[str] = frozenset(),
        attempts: int = MOST_ATTEMPTS,
        watcher: Watcher = NOBODY,
    ) -> None:
        """`may_wait`: types of events that begin something new, which can be put off in a burst of requests.

        `attempts`: a delivery that has failed so often is a dead letter.
        """
        self._store = store
        self._clock = clock
        self._may_wait = may_wait
        self._attempts = attempts
        self._watcher = watcher
        self._consumers: Consumers = {}
        self._name = f"server-{secrets.token_hex(8)}"
        self._queue: deque[Queued] = deque()
        self._held: set[str] = set()  # deliveries in memory that are not ended
        self._spilled: int | None = None  # deliveries after this one are in the table only
        self._put_off: deque[Queued] = deque()
        self._later: asyncio.TimerHandle | None = None
        self._crowded_until = 0.0  # on the event loop's clock
        self._starting = 0  # workers that have been set to work and have not taken anything yet
        self._workers: set[asyncio.Task[None]] = set()
        self._loops: list[asyncio.Task[None]] = []
        self._stopping = False
        self._hurried = False

    async def start(self, consumers: Consumers, jobs: Jobs, *, alone: bool) -> None:
        """Begin to deliver. `alone`: no other server uses this store, so every claim is an old one."""
        self._consumers = consumers
        listen(self._store, consumers)
        if alone:
            await self._store.file.write(lambda connection: deliveries.release(connection, owner=None))
        self._store.owner = self._name
        self._store.on_queued = self._committed
        self._store.on_ended = lambda delivery: self._held.discard(delivery.id)
        self._loops = [asyncio.create_task(loop) for loop in (self._look(), *repeated(jobs, clock=self._clock))]

    async def stop(self, *, patience: float = _PATIENCE) -> None:
        """Finish the reactions that have begun, in so many seconds; the rest stays queued for the next server."""
        self._stopping = True
        self._store.owner = None
        self._store.on_queued = None
        for loop in self._loops:
            loop.cancel()
        if self._later is not None:
            self._later.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await self._finish(patience)
        try:
            async with asyncio.timeout(_PATIENCE_OF_RELEASE):
                await self._store.file.write(lambda connection: deliveries.release(connection, owner=self._name))
        except (TimeoutError, Unavailable) as error:
            # The next server, which knows that it is alone, takes them all the same.
            log.warning("deliveries.not_released", reason=told_of(error))

    def hurry(self) -> None:
        """Cut off the reactions that are under way when it stops, or that would be: they have had no effect yet."""
        self._hurried = True
        if self._stopping:
            for worker in self._workers:
                worker.cancel()

    async def _finish(self, patience: float) -> None:
        workers = set(self._workers)
        if workers:
            _, late = await asyncio.wait(workers, timeout=0 if self._hurried else patience)
            for worker in late:
                worker.cancel()
            if late:
                log.warning("reactions.cut_off", count=len(late))
                await asyncio.gather(*late, return_exceptions=True)

    def admit(self) -> None:
        """`Overloaded` while deliveries wait too long already: what is accepted is to be dealt with soon."""
        oldest = min((queue[0].since for queue in (self._queue, self._put_off) if queue), default=None)
        if oldest is not None and self._clock() - oldest > _MOST_WAIT:
            raise Overloaded("there is more work than can be done: try again", retry_after=5)

    def idle(self) -> bool:
        """Nothing is on its way: every delivery is ended, dead, or waits for a later attempt."""
        return not self._store.file.read(lambda c: deliveries.on_their_way(c, due_by=self._clock()))

    async def backlog(self) -> Backlog:
        """How much is on its way, and dead, of all that use the store."""
        return await self._store.file.read_aside(deliveries.backlog)

    def _committed(self, queued: list[Queued]) -> None:
        """Deliveries born here; those for which there is no room in memory are paged in from the table later."""
        self._watcher.published(list({one.envelope.id: one.envelope for one in queued}.values()))
        if self._spilled is None:
            room = _MOST_IN_MEMORY - len(self._queue) - len(self._put_off)
            if len(queued) > room:
                self._spilled = int(queued[room].delivery.id) - 1
            self._take(queued[:room])

    def _take(self, queued: list[Queued]) -> None:
        crowd = self._crowd()
        for one in queued:
            if one.delivery.id not in self._held:
                self._held.add(one.delivery.id)
                (self._put_off if crowd and one.envelope.type in self._may_wait else self._queue).append(one)
        if self._put_off and self._later is None:
            self._later = asyncio.get_running_loop().call_later(_LOOK_AGAIN, self._resume)
        self._set_to_work()

    def _crowd(self) -> bool:
        """Many requests wait for their commit, or did a moment ago: each commit makes a lull of its own."""
        now = asyncio.get_running_loop().time()
        if self._store.requests >= _CROWD:
            self._crowded_until = now + _LULL
        return now < self._crowded_until and not self._stopping

    def _resume(self) -> None:
        """In a burst, answering comes before beginning anything new; nothing is put off for more than two seconds."""
        self._later = None
        now = self._clock()
        while self._put_off and (not self._crowd() or now - self._put_off[0].since >= _LONGEST_PUT_OFF):
            self._queue.append(self._put_off.popleft())
        if self._put_off:
            self._later = asyncio.get_running_loop().call_later(_LOOK_AGAIN, self._resume)
        self._set_to_work()

    def _set_to_work(self) -> None:
        for _ in range(min(len(self._queue) - self._starting, _WORKERS - len(self._workers))):
            self._starting += 1
            worker = asyncio.create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    async def _work(self) -> None:
        self._starting -= 1
        while self._queue and not self._stopping:
            queued = self._queue.popleft()
            try:
                await self._deliver(queued)
            except Exception as error:  # noqa: BLE001 - the store is out of reach; the claim runs out and is taken over
                log.error("delivery.left", event_id=queued.envelope.id, reason=told_of(error))  # noqa: TRY400
            finally:
                self._held.discard(queued.delivery.id)
            self._page_in()

    async def _deliver(self, queued: Queued) -> None:
        delivery, envelope = queued.delivery, queued.envelope
        try:
            await react(self._consumers.get(delivery.consumer, {}), envelope, delivery)
            if delivery.id in self._held:  # the reaction had nothing to write, so nothing has ended it
                await self._store.file.write(lambda connection: deliveries.end(connection, delivery))
        except AlreadyConsumed:
            return
        except Exception as error:  # noqa: BLE001 - whatever a reaction raises, the event is not lost
            await self._postpone(queued, error)
        else:
            self._watcher.delivered(envelope, consumer=delivery.consumer, attempts=queued.attempts + 1)

    async def _postpone(self, queued: Queued, error: Exception) -> None:
        attempts = queued.attempts + 1
        wait = wait_after(attempts, most=self._attempts)
        now = self._clock()
        reason = tell_failure(
            error, envelope=queued.envelope, consumer=queued.delivery.consumer, attempts=attempts, wait=wait
        )
        if wait is None:
            await self._store.file.write(
                lambda c: deliveries.bury(c, queued.delivery, at=now, attempts=attempts, error=reason)
            )
        else:
            await self._store.file.write(
                lambda c: deliveries.retry(c, queued.delivery, due=now + wait, attempts=attempts, error=reason)
            )
        self._watcher.failed(
            queued.envelope, consumer=queued.delivery.consumer, attempts=attempts, wait=wait, reason=reason
        )

    def _page_in(self) -> None:
        """What there was no room for, once there is."""
        since = self._spilled
        if since is None or len(self._queue) + len(self._put_off) >= _PAGE:
            return
        try:
            page = self._store.file.read(lambda c: deliveries.mine(c, owner=self._name, after=since, most=_PAGE))
        except Unavailable as error:
            log.warning("deliveries.unreachable", reason=str(error))  # `_look` tries again
            return
        self._spilled = int(page[-1].delivery.id) if len(page) == _PAGE else None
        self._take(page)

    async def _look(self) -> None:
        """Take over what others committed and nobody delivers, and retries that are due."""
        overdue_at = self._clock()
        while True:
            now = self._clock()
            overdue_at = min(overdue_at, now + _LOOK_FOR_OVERDUE)  # also where a clock was set back
            try:
                if now >= overdue_at or self._unclaimed(now):
                    await self._claim(now)
                    overdue_at = now + _LOOK_FOR_OVERDUE
                self._page_in()
            except Unavailable as error:
                log.warning("deliveries.unreachable", reason=str(error))
            except Exception:
                log.exception("deliveries.unreadable")
            await asyncio.sleep(_LOOK)

    def _unclaimed(self, now: datetime) -> bool:
        return self._store.file.read(lambda connection: deliveries.unclaimed(connection, now=now))

    async def _claim(self, now: datetime) -> None:
        if len(self._queue) + len(self._put_off) < _MOST_IN_MEMORY - _PAGE:
            claimed = await self._store.file.write(
                lambda connection: deliveries.claim(connection, owner=self._name, now=now, most=_PAGE)
            )
            self._take(claimed)
