"""One SQLite file: a thread that writes, with group commit; readers that do not wait for it.

Units of work reach the thread once per turn of the event loop. It takes all that wait, gives each a savepoint,
and commits them together; while that COMMIT syncs, the next group gathers. No timer, no linger.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar, cast

from shop.platform.figures import Distribution, Read
from shop.platform.metrics import GROUP_SIZE, STORE_COMMITS, STORE_UNITS
from shop.platform.storage.port import Unavailable
from shop.platform.storage.writes import Writes

T = TypeVar("T")

Unit = Callable[[sqlite3.Connection], Any]
_Then = Callable[[Any], None] | None
_Waiting = tuple[Unit, "asyncio.Future[Any]", _Then, Writes | None, float]  # since when, as `perf_counter`
_Settled = tuple[_Waiting, Any, BaseException | None]

_MOST_UNITS = 512
_MOST_SECONDS = 0.020  # of statements in one group
_READER_PATIENCE = 5.0  # seconds, while another process recovers the file
_PATIENCE = 60.0  # seconds for a lock that another process holds
_PATIENCE_AT_THE_END = 1.0  # when the file is being closed
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


class StoreUnusable(Unavailable):
    """The file is no store that this program can use."""


@dataclass(slots=True)
class Statistics:
    """What the writer did since it was opened."""

    groups: int = 0  # COMMITs
    units: int = 0
    longest_wait: float = 0.0  # seconds for another process's lock
    sizes: Distribution = field(default_factory=partial(Distribution, GROUP_SIZE.bounds))  # of groups, in units


def of_writer(did: Statistics) -> Callable[[], Iterable[Read]]:
    """What it did, as figures."""
    return lambda: [(STORE_UNITS, (), did.units), (STORE_COMMITS, (), did.groups), (GROUP_SIZE, (), did.sizes)]


class SqliteFile:
    """The file and its connections."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.statistics = Statistics()
        self._turn: list[_Waiting] = []
        self._handed: SimpleQueue[list[_Waiting] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = False
        self._reader: sqlite3.Connection | None = None
        self._still = False
        self._aside = threading.local()
        self._asides: list[sqlite3.Connection] = []
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="sqlite-read")

    async def open(self) -> None:
        """Start the writer. `StoreUnusable` says in one line why the file cannot be used."""
        self._loop = asyncio.get_running_loop()
        self._closing = False
        writer = self.connect()
        self._thread = threading.Thread(target=self._write_all, args=(writer,), name="sqlite-writer", daemon=True)
        self._thread.start()

    async def close(self) -> None:
        """Finish what was handed over, then close every connection."""
        self._closing = True
        if self._thread is not None:
            self._hand_over()
            self._handed.put(None)
            await asyncio.to_thread(self._thread.join)
            self._thread = None
        self._pool.shutdown()
        for connection in [*self._asides, *([self._reader] if self._reader else [])]:
            connection.close()
        self._asides.clear()
        self._reader = None

    def connect(self, *, patience: float = 0) -> sqlite3.Connection:
        """A new connection, autocommit. Only readers, who hardly ever meet a lock, wait inside SQLite for `patience`
        seconds: its waiting is unfair between processes that write.
        """
        if sqlite3.sqlite_version_info < (3, 35):
            raise StoreUnusable(f"SQLite {sqlite3.sqlite_version} is too old: shop needs 3.35 or newer")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(
                self.path, isolation_level=None, check_same_thread=False, cached_statements=512, timeout=patience
            )
            patiently(lambda: connection.execute("PRAGMA journal_mode = WAL"))
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA cache_size = -65536")
        except (sqlite3.Error, OSError) as error:
            raise StoreUnusable(f"{self.path} cannot be used as a store: {error}") from error
        return connection

    def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """A read on the event loop, of microseconds. `Unavailable` if the file cannot be read now."""
        try:
            return query(self.reader)
        except sqlite3.Error as error:
            raise Unavailable(f"the store cannot be read: {error}") from error

    def rows(self, sql: str, asked: Sequence[object]) -> list[Any]:
        """The rows of such a read."""
        try:
            return self.reader.execute(sql, asked).fetchall()
        except sqlite3.Error as error:
            raise Unavailable(f"the store cannot be read: {error}") from error

    @property
    def reader(self) -> sqlite3.Connection:
        """The event loop's own connection, for reads that take microseconds."""
        if self._reader is None:
            self._reader = self.connect(patience=_READER_PATIENCE)
        return self._reader

    def stand_still(self) -> None:
        """From now on every read is of this moment, whatever is written meanwhile: for checks, which compare."""
        self.reader.execute("BEGIN")
        self.reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
        self._still = True

    async def read_aside(self, read: Callable[[sqlite3.Connection], T]) -> T:
        """A read that may take long, in a thread of its own."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: read(self._own_reader()))
        except sqlite3.Error as error:
            raise Unavailable(f"the store cannot be read: {error}") from error

    async def write(
        self,
        unit: Callable[[sqlite3.Connection], T],
        then: Callable[[T], None] | None = None,
        writes: Writes | None = None,
    ) -> T:
        """Run the unit in the next group; returns once it is on disk.

        What the unit raises undoes it alone. `then` hears the result even if the caller has gone away, and `writes` how
        it ended.
        """
        if self._loop is None or self._closing:
            refused = Unavailable("the store is closed")
            if writes is not None:
                writes.ended(refused)
            raise refused
        future: asyncio.Future[T] = self._loop.create_future()
        self._turn.append((unit, future, then, writes, time.perf_counter()))
        if len(self._turn) == 1:
            self._loop.call_soon(self._hand_over)
        return await future

    def _hand_over(self) -> None:
        if self._turn:
            self._handed.put(self._turn)
            self._turn = []

    def _write_all(self, connection: sqlite3.Connection) -> None:
        loop = cast("asyncio.AbstractEventLoop", self._loop)
        waiting: deque[_Waiting] = deque()
        closing = False
        while waiting or not closing:
            for units in self._taken(wait=not waiting):
                closing = closing or units is None
                waiting.extend(units or ())
            if waiting:
                loop.call_soon_threadsafe(self._settle, *self._commit_group(connection, waiting))
        connection.close()

    def _taken(self, *, wait: bool) -> Iterator[list[_Waiting] | None]:
        if wait:
            yield self._handed.get()
        with suppress(Empty):
            while True:
                yield self._handed.get_nowait()

    def _commit_group(self, connection: sqlite3.Connection, waiting: deque[_Waiting]) -> tuple[list[_Settled], bool]:
        taken: list[_Waiting] = [waiting.popleft()]
        settled: list[_Settled] = []
        try:
            waited = patiently(lambda: connection.execute("BEGIN IMMEDIATE"), patience=self._patience)
            self.statistics.longest_wait = max(self.statistics.longest_wait, waited)
            until = time.monotonic() + _MOST_SECONDS
            settled.append(_run(connection, taken[0]))
            while waiting and len(taken) < _MOST_UNITS and time.monotonic() < until:
                taken.append(waiting.popleft())
                settled.append(_run(connection, taken[-1]))
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):  # if it cannot be undone either, the next BEGIN will say so
                connection.execute("ROLLBACK")
            if not settled:  # nobody got the lock: the others would wait as long again, for nothing
                taken += waiting
                waiting.clear()
            refused = Unavailable(f"the store did not take the write: {error}")
            return [(one, None, refused) for one in taken], False
        return settled, True

    def _settle(self, group: list[_Settled], committed: bool) -> None:  # noqa: FBT001 - as the loop hands it over
        if committed:  # counted on the event loop, as everything is (`figures.py`)
            self.statistics.groups += 1
            self.statistics.units += len(group)
            self.statistics.sizes.add(len(group))
        now = time.perf_counter()
        for (_, future, then, writes, began), value, error in group:
            if writes is not None:
                writes.ended(error, now - began)
            if error is None and then is not None:
                future.get_loop().call_soon(then, value)  # before the caller goes on; what it raises is its own
            if not future.done():
                if error is None:
                    future.set_result(value)
                else:
                    future.set_exception(error)

    def _patience(self) -> float:
        return _PATIENCE_AT_THE_END if self._closing else _PATIENCE

    def _own_reader(self) -> sqlite3.Connection:
        if self._still:
            return self.reader
        connection: sqlite3.Connection | None = getattr(self._aside, "connection", None)
        if connection is None:
            connection = self._aside.connection = self.connect(patience=_READER_PATIENCE)
            self._asides.append(connection)
        return connection


def patiently(lock: Callable[[], object], *, patience: Callable[[], float] = lambda: _PATIENCE) -> float:
    """Try until another process's lock is gone; the seconds it took. Fair between processes, unlike SQLite's own."""
    begun = time.monotonic()
    while True:
        try:
            lock()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _BUSY or time.monotonic() - begun > patience():
                raise
            time.sleep(0.0005 + random.random() * 0.0005)  # noqa: S311 - jitter, not a secret
        else:
            return time.monotonic() - begun


def _run(connection: sqlite3.Connection, waiting: _Waiting) -> _Settled:
    connection.execute("SAVEPOINT unit")
    try:
        value = waiting[0](connection)
    except Exception as error:  # noqa: BLE001 - it is the caller's, who gets it
        connection.execute("ROLLBACK TO unit")
        connection.execute("RELEASE unit")
        return waiting, None, _translated(error)
    connection.execute("RELEASE unit")
    return waiting, value, None


def _translated(error: Exception) -> Exception:
    return Unavailable(f"the store did not take the write: {error}") if isinstance(error, sqlite3.Error) else error
