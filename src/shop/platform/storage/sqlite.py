"""The SQLite engine of the storage port: the embedded default.

`sqlite_tables.py` says what the tables are, `sqlite_file.py` commits, `sqlite_deliveries.py` keeps the events.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import msgspec

from shop.kernel.clock import Clock, micros
from shop.kernel.events import Delivery, Envelope
from shop.platform.journey import NOBODY, Watcher
from shop.platform.storage import sqlite_deliveries as deliveries
from shop.platform.storage.body import pack
from shop.platform.storage.cursor import cursor, point
from shop.platform.storage.port import (
    HIGHEST,
    AlreadyConsumed,
    Change,
    Conflict,
    Counts,
    Layout,
    NotEnough,
    Page,
    Put,
    Records,
    Stored,
    TooMuch,
    check,
)
from shop.platform.storage.sqlite_deliveries import Queued
from shop.platform.storage.sqlite_file import SqliteFile, Statistics, patiently
from shop.platform.storage.sqlite_tables import VERSION, Statements, columns, create, page_of, stored
from shop.platform.storage.words import PREFIX_FROM, fold, folded
from shop.platform.storage.writes import Writes

_Skip = Annotated[int, msgspec.Meta(ge=0, le=2**62)]


class SqliteStore:
    """One file that holds every context's records, the events, and their deliveries."""

    def __init__(self, path: Path, *, clock: Clock, limit: int = 2000, inbox: bool = True) -> None:
        """`inbox=False` is for tests: a delivery that was ended before has its effect again."""
        self.file = SqliteFile(path)
        self.clock = clock
        self.limit = limit
        self.inbox = inbox
        self.routes: Mapping[str, Sequence[str]] = {}  # event type -> consumers
        self.writes: dict[str, Writes] = {}  # by context
        self.watcher: Watcher = NOBODY
        self.requests = 0  # commits under way that end no delivery: somebody waits for an answer
        self.owner: str | None = None  # the server that claims what is committed here; None: a command
        self.on_queued: Callable[[list[Queued]], None] | None = None
        self.on_ended: Callable[[Delivery], None] | None = None

    @property
    def statistics(self) -> Statistics:
        """What the writer did since it was opened."""
        return self.file.statistics

    async def open(self) -> None:
        """Create what is missing and start the writer. `StoreUnusable` if the file is no store."""
        await self.file.open()
        await self.file.write(deliveries.create)

    async def close(self) -> None:
        """Finish what was begun."""
        await self.file.close()

    def records(self, layout: Layout) -> Records:
        """A context's own records; what the layout declares and the file lacks is added."""
        return _SqliteRecords(self, layout, self.writes.setdefault(layout.context, Writes()))

    async def probe(self) -> None:
        """Read, and write to the disk what is there already; `Unavailable` if either cannot be done."""
        self.file.rows("SELECT 1", ())
        await self.file.write(lambda connection: connection.execute("UPDATE sqlite_sequence SET seq = seq").rowcount)

    def committed(self, events: Sequence[Envelope], queued: list[Queued], consumed: Delivery | None) -> None:
        """Tell the server: these deliveries are on disk from now on, and this one has ended."""
        if events:
            self.watcher.committed(events)
        if consumed is not None and self.on_ended is not None:
            self.on_ended(consumed)
        if queued and self.on_queued is not None:
            self.on_queued(queued)


class _SqliteRecords:
    def __init__(self, store: SqliteStore, layout: Layout, writes: Writes) -> None:
        self._store = store
        self._writes = writes
        self._file = store.file
        self._clock = store.clock
        self._layout = layout
        with closing(self._file.connect()) as connection:
            patiently(lambda: create(connection, layout))
            self._sql = Statements(layout, columns(connection, f"{layout.context}_words"))

    @property
    def limit(self) -> int:
        return self._store.limit

    async def get(self, key: str) -> Stored | None:
        rows = self._file.rows(self._sql.get, (key,))
        return self._alive(rows[0]) if rows else None

    async def get_with_counts(self, key: str, counters: str) -> tuple[Stored | None, Counts]:
        rows = self._file.rows(self._sql.get_with_counts, (key, counters))
        of = {row[6]: row[7] for row in rows}
        version = of.pop(VERSION, 0)
        of.pop(None, None)
        return self._alive(rows[0]) if rows[0][0] is not None else None, Counts(version, of)

    def _alive(self, row: tuple[Any, ...]) -> Stored | None:
        expires = row[5]
        return stored(row) if expires is None or expires > micros(self._clock()) else None

    async def get_many(self, keys: Collection[str]) -> dict[str, Stored]:
        asked = (json.dumps(list(keys)), micros(self._clock()))
        return {row[0]: stored(row) for row in self._file.rows(self._sql.get_many, asked)}

    async def counts(self, keys: Collection[str]) -> dict[str, Counts]:
        versions = dict.fromkeys(keys, 0)
        of: dict[str, dict[str, int]] = {key: {} for key in keys}
        one = len(versions) == 1  # the common case, without the way through JSON
        asked = self._sql.counts_of_one if one else self._sql.counts
        for key, name, n in self._file.rows(asked, (*versions,) if one else (json.dumps(list(versions)),)):
            if name == VERSION:
                versions[key] = n
            else:
                of[key][name] = n
        return {key: Counts(version, of[key]) for key, version in versions.items()}

    async def find(
        self,
        index: str,
        group: str,
        *,
        low: str = "",
        high: str = HIGHEST,
        newest_first: bool = False,
        after: str | None = None,
        limit: int = 50,
    ) -> Page:
        question = [index, group, low, high, newest_first]
        edge = ("", "") if not newest_first else (HIGHEST * 2, HIGHEST)
        place, key = point(after, question, tuple[str, str]) if after is not None else edge
        asked = (group, low, high, place, key, micros(self._clock()), limit + 1)
        rows = self._file.rows(self._sql.find(index, newest_first=newest_first), asked)
        found = page_of(rows, limit)
        if len(rows) == len(found):
            return Page(found, None)
        return Page(found, cursor(question, (rows[len(found) - 1][5], found[-1].key)))

    async def search(self, words: Sequence[str], *, after: str | None = None, limit: int = 20) -> Page:
        folded = sorted({word for text in words for word in fold(text)})
        if not folded:
            return Page([], None)
        question = ["search", *folded]
        skip = point(after, question, _Skip) if after is not None else 0
        match = " ".join(f'"{word}"*' if len(word) >= PREFIX_FROM else f'"{word}"' for word in folded)
        asked = (match, micros(self._clock()), limit + 1, skip)
        rows = await self._file.read_aside(lambda connection: connection.execute(self._sql.search, asked).fetchall())
        found = page_of(rows, limit)
        return Page(found, cursor(question, skip + len(found)) if len(rows) > len(found) else None)

    async def scan(self, prefix: str, *, after: str | None = None, limit: int = 500) -> Page:
        question = ["scan", prefix]
        since = point(after, question, str) if after is not None else ""
        asked = (prefix, prefix + HIGHEST, since, micros(self._clock()), limit + 1)
        rows = await self._file.read_aside(lambda connection: connection.execute(self._sql.scan, asked).fetchall())
        found = page_of(rows, limit)
        return Page(found, cursor(question, found[-1].key) if len(rows) > len(found) else None)

    async def commit(
        self,
        *,
        puts: Sequence[Put] = (),
        changes: Sequence[Change] = (),
        events: Sequence[Envelope] = (),
        consumed: Delivery | None = None,
    ) -> None:
        try:
            check(layout=self._layout, limit=self.limit, puts=puts, changes=changes, events=events, consumed=consumed)
            words = {put.key: folded(put) for put in puts} if self._layout.words else {}
        except TooMuch as refused:
            self._writes.ended(refused)
            raise
        now = self._clock()
        store = self._store

        def unit(connection: sqlite3.Connection) -> list[Queued]:
            if consumed is not None:
                try:
                    deliveries.end(connection, consumed)
                except AlreadyConsumed:
                    if store.inbox:
                        raise
            self._put(connection, puts, changes, words, micros(now))
            self._change(connection, changes)
            return deliveries.publish(connection, events, routes=store.routes, owner=store.owner, now=now)

        asked = consumed is None
        store.requests += asked
        try:
            await self._file.write(
                unit,
                then=lambda queued: store.committed(events, queued, consumed),
                writes=self._writes if puts or events or consumed else None,
            )
        finally:
            store.requests -= asked

    def _put(
        self,
        connection: sqlite3.Connection,
        puts: Sequence[Put],
        changes: Sequence[Change],
        words: Mapping[str, dict[str, str]],
        now: int,
    ) -> None:
        moved = set(self._moved(connection, changes))
        for put in puts:
            body, packed = pack(put.key, put.body)
            expires = micros(put.expires) if put.expires else None
            places = [part for name in self._layout.indexes for part in put.indexes.get(name, (None, None))]
            columns = (put.was + 1, body, packed, now, expires, *places, bool(words.get(put.key)))
            if put.was:
                done = connection.execute(self._sql.replace, (*columns, put.key, put.was, now))
            else:
                done = connection.execute(self._sql.insert, (put.key, *columns, now))
            row = done.fetchone() if self._layout.words else None
            if row is None and (self._layout.words or not done.rowcount):
                moved.add(put.key)
            elif row is not None and row[1]:
                self._index_words(connection, row[0], words[put.key])
        if moved:
            raise Conflict(moved)

    def _moved(self, connection: sqlite3.Connection, changes: Sequence[Change]) -> Iterator[str]:
        for change in changes:
            if change.was is not None:
                row = connection.execute(self._sql.version, (change.key,)).fetchone()
                if (row[0] if row else 0) != change.was:
                    yield change.key

    def _change(self, connection: sqlite3.Connection, changes: Sequence[Change]) -> None:
        short = set()
        for change in changes:
            for name, n in change.by.items():
                if n < 0:
                    if not connection.execute(self._sql.lower, (n, change.key, name, n)).rowcount:
                        short.add(change.key)
                else:
                    connection.execute(self._sql.raise_, (change.key, name, n))
            connection.execute(self._sql.raise_, (change.key, VERSION, 1))
        if short:
            raise NotEnough(short)

    def _index_words(self, connection: sqlite3.Connection, row: int, texts: dict[str, str]) -> None:
        connection.execute(self._sql.forget, (row,))
        if texts:
            connection.execute(self._sql.learn, (row, *(texts.get(name, "") for name in self._layout.words)))
