"""The SQLite engine of the storage port: the embedded default.

Per context a table of documents (two columns and a partial index per declared index), one of counters, and an
FTS5 table where words are declared. `sqlite_file.py` commits, `sqlite_deliveries.py` keeps the events.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import msgspec

from shop.kernel.clock import Clock, micros, moment_of
from shop.kernel.events import Delivery, Envelope
from shop.platform.storage import sqlite_deliveries as deliveries
from shop.platform.storage.body import pack, unpack
from shop.platform.storage.cursor import cursor, point
from shop.platform.storage.port import (
    HIGHEST,
    MOST_WORDS,
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
from shop.platform.storage.words import PREFIX_FROM, fold

_Skip = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
_VERSION = ""  # the name under which a key's counters keep their version


class SqliteStore:
    """One file that holds every context's records, the events, and their deliveries."""

    def __init__(self, path: Path, *, clock: Clock, limit: int = 2000, inbox: bool = True) -> None:
        """`inbox=False` is for tests: a delivery that was ended before has its effect again."""
        self.file = SqliteFile(path)
        self.clock = clock
        self.limit = limit
        self.inbox = inbox
        self.routes: Mapping[str, Sequence[str]] = {}  # event type -> consumers
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
        return _SqliteRecords(self, layout)

    def committed(self, queued: list[Queued], consumed: Delivery | None) -> None:
        """Tell the server: these deliveries are on disk from now on, and this one has ended."""
        if consumed is not None and self.on_ended is not None:
            self.on_ended(consumed)
        if queued and self.on_queued is not None:
            self.on_queued(queued)


class _SqliteRecords:
    def __init__(self, store: SqliteStore, layout: Layout) -> None:
        self._store = store
        self._file = store.file
        self._clock = store.clock
        self._layout = layout
        with closing(self._file.connect()) as connection:
            patiently(lambda: _create(connection, layout))
            self._sql = _Statements(layout, _columns(connection, f"{layout.context}_words"))

    @property
    def limit(self) -> int:
        return self._store.limit

    async def get(self, key: str) -> Stored | None:
        row = self._file.reader.execute(self._sql.get, (key, micros(self._clock()))).fetchone()
        return _stored(row) if row else None

    async def get_many(self, keys: Collection[str]) -> dict[str, Stored]:
        asked = (json.dumps(list(keys)), micros(self._clock()))
        return {row[0]: _stored(row) for row in self._file.reader.execute(self._sql.get_many, asked)}

    async def counts(self, keys: Collection[str]) -> dict[str, Counts]:
        versions = dict.fromkeys(keys, 0)
        of: dict[str, dict[str, int]] = {key: {} for key in keys}
        one = len(versions) == 1  # the common case, without the way through JSON
        asked = self._sql.counts_of_one if one else self._sql.counts
        for key, name, n in self._file.reader.execute(asked, (*versions,) if one else (json.dumps(list(versions)),)):
            if name == _VERSION:
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
        rows = self._file.reader.execute(self._sql.find(index, newest_first=newest_first), asked).fetchall()
        more = len(rows) > limit
        found = [_stored(row) for row in rows[:limit]]
        return Page(found, cursor(question, (rows[limit - 1][5], rows[limit - 1][0])) if more else None)

    async def search(self, words: Sequence[str], *, after: str | None = None, limit: int = 20) -> Page:
        folded = sorted({word for text in words for word in fold(text)})
        if not folded:
            return Page([], None)
        question = ["search", *folded]
        skip = point(after, question, _Skip) if after is not None else 0
        match = " ".join(f'"{word}"*' if len(word) >= PREFIX_FROM else f'"{word}"' for word in folded)
        asked = (match, micros(self._clock()), limit + 1, skip)
        rows = await self._file.read_aside(lambda connection: connection.execute(self._sql.search, asked).fetchall())
        more = len(rows) > limit
        found = [_stored(row) for row in rows[:limit]]
        return Page(found, cursor(question, skip + limit) if more else None)

    async def scan(self, prefix: str, *, after: str | None = None, limit: int = 500) -> Page:
        question = ["scan", prefix]
        since = point(after, question, str) if after is not None else ""
        asked = (prefix, prefix + HIGHEST, since, micros(self._clock()), limit + 1)
        rows = await self._file.read_aside(lambda connection: connection.execute(self._sql.scan, asked).fetchall())
        more = len(rows) > limit
        found = [_stored(row) for row in rows[:limit]]
        return Page(found, cursor(question, rows[limit - 1][0]) if more else None)

    async def commit(
        self,
        *,
        puts: Sequence[Put] = (),
        changes: Sequence[Change] = (),
        events: Sequence[Envelope] = (),
        consumed: Delivery | None = None,
    ) -> None:
        check(layout=self._layout, limit=self.limit, puts=puts, changes=changes, events=events, consumed=consumed)
        now = self._clock()
        words = {put.key: _folded(put) for put in puts} if self._layout.words else {}
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

        await self._file.write(unit, then=lambda queued: store.committed(queued, consumed))

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
            worded = bool(words.get(put.key))
            places = [part for name in self._layout.indexes for part in put.indexes.get(name, (None, None))]
            if put.was:
                row = connection.execute(
                    self._sql.replace, (put.was + 1, body, packed, now, expires, *places, worded, put.key, put.was, now)
                ).fetchone()
            else:
                row = connection.execute(
                    self._sql.insert, (put.key, 1, body, packed, now, expires, *places, worded, now)
                ).fetchone()
            if row is None:
                moved.add(put.key)
            elif row[1] and words:
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
            connection.execute(self._sql.raise_, (change.key, _VERSION, 1))
        if short:
            raise NotEnough(short)

    def _index_words(self, connection: sqlite3.Connection, row: int, texts: dict[str, str]) -> None:
        connection.execute(self._sql.forget, (row,))
        if texts:
            connection.execute(self._sql.learn, (row, *(texts.get(name, "") for name in self._layout.words)))


class _Statements:
    """The texts of a context's statements, made once."""

    def __init__(self, layout: Layout, fields: Sequence[str]) -> None:
        """`fields`: of the table of words, in its own order, which is the order of `bm25`'s weights."""
        self._documents = documents = f"{layout.context}_documents"
        counters = f"{layout.context}_counters"
        words = f"{layout.context}_words"
        row = f"SELECT key, body, packed, version, at FROM {documents}"
        alive = "(expires IS NULL OR expires > ?)"
        places = [column for name in layout.indexes for column in (f"{name}_g", f"{name}_p")]
        columns = ["version", "body", "packed", "at", "expires", *places]
        self.get = f"{row} WHERE key = ? AND {alive}"
        self.get_many = f"{row} WHERE key IN (SELECT value FROM json_each(?)) AND {alive}"
        self.scan = f"{row} WHERE key >= ? AND key < ? AND key > ? AND {alive} ORDER BY key LIMIT ?"
        self.insert = (
            f"INSERT INTO {documents} (key, {', '.join(columns)}, worded) VALUES (?, ?{', ?' * len(columns)}) "
            f"ON CONFLICT (key) DO UPDATE SET {', '.join(f'{c} = excluded.{c}' for c in columns)}, "
            f"worded = max(worded, excluded.worded) WHERE {documents}.expires <= ? RETURNING id, worded"
        )
        self.replace = (
            f"UPDATE {documents} SET {', '.join(f'{c} = ?' for c in columns)}, worded = max(worded, ?) "
            f"WHERE key = ? AND version = ? AND {alive} RETURNING id, worded"
        )
        self.counts = f"SELECT key, name, n FROM {counters} WHERE key IN (SELECT value FROM json_each(?))"
        self.counts_of_one = f"SELECT key, name, n FROM {counters} WHERE key = ?"
        self.version = f"SELECT n FROM {counters} WHERE key = ? AND name = '{_VERSION}'"
        self.lower = f"UPDATE {counters} SET n = n + ? WHERE key = ? AND name = ? AND n + ? >= 0"
        self.raise_ = (
            f"INSERT INTO {counters} VALUES (?, ?, ?) ON CONFLICT (key, name) DO UPDATE SET n = n + excluded.n"
        )
        weights = ", ".join(str(layout.words[field]) for field in fields)
        self.search = (
            f"SELECT key, body, packed, version, at FROM {words} JOIN {documents} ON {documents}.id = {words}.rowid "
            f"WHERE {words} MATCH ? AND {alive} ORDER BY bm25({words}, {weights}), key LIMIT ? OFFSET ?"
        )
        self.forget = f"DELETE FROM {words} WHERE rowid = ?"
        self.learn = f"INSERT INTO {words} (rowid, {', '.join(layout.words)}) VALUES (?{', ?' * len(layout.words)})"
        self._find = {
            (name, newest_first): (
                f"SELECT key, body, packed, version, at, {name}_p FROM {documents} "
                f"WHERE {name}_g = ? AND {name}_p >= ? AND {name}_p <= ? "
                f"AND ({name}_p, key) {'<' if newest_first else '>'} (?, ?) AND {alive} "
                f"ORDER BY {name}_p {order}, key {order} LIMIT ?"
            )
            for name in layout.indexes
            for newest_first, order in ((False, "ASC"), (True, "DESC"))
        }

    def find(self, index: str, *, newest_first: bool) -> str:
        try:
            return self._find[index, newest_first]
        except KeyError:
            raise ValueError(f"{self._documents} declares no index {index}") from None


def _create(connection: sqlite3.Connection, layout: Layout) -> None:
    """Add what the file lacks. A document is found by a new index or word from its next put on."""
    documents, words = f"{layout.context}_documents", f"{layout.context}_words"
    places = [column for name in layout.indexes for column in (f"{name}_g", f"{name}_p")]
    if {"key", *places}.issubset(_columns(connection, documents)) and set(_columns(connection, words)) == set(
        layout.words
    ):
        return
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {documents} (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, "
        "version INTEGER NOT NULL, body BLOB NOT NULL, packed INTEGER NOT NULL, at INTEGER NOT NULL, expires INTEGER, "
        "worded INTEGER NOT NULL)"
    )
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {layout.context}_counters (key TEXT NOT NULL, name TEXT NOT NULL, "
        "n INTEGER NOT NULL CHECK (n >= 0), PRIMARY KEY (key, name)) WITHOUT ROWID"
    )
    there = _columns(connection, documents)
    for column in places:
        if column not in there:
            connection.execute(f"ALTER TABLE {documents} ADD COLUMN {column} TEXT")
    for name in layout.indexes:
        connection.execute(
            f"CREATE INDEX IF NOT EXISTS {documents}_{name} ON {documents} ({name}_g, {name}_p, key) "
            f"WHERE {name}_g IS NOT NULL"
        )
    if set(_columns(connection, words)) != set(layout.words):
        connection.execute(f"DROP TABLE IF EXISTS {words}")
        if layout.words:
            connection.execute(
                f"CREATE VIRTUAL TABLE {words} USING fts5({', '.join(layout.words)}, tokenize = 'ascii')"
            )
    connection.execute("COMMIT")


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))]


def _stored(row: tuple[str, bytes, int, int, int]) -> Stored:
    key, body, packed, version, at = row[:5]
    return Stored(key, unpack(body, bool(packed)), version, moment_of(at))


def _folded(put: Put) -> dict[str, str]:
    folded = {field: fold(text) for field, text in put.words.items()}
    if len({word for words in folded.values() for word in words}) > MOST_WORDS:
        raise TooMuch(f"{put.key} has more than {MOST_WORDS} distinct words to search by")
    return {field: " ".join(words) for field, words in folded.items() if words}
