"""A context's tables in SQLite, and the texts of its statements.

A table of documents (two columns and a partial index per declared index), one of counters, and an FTS5 table where
words are declared.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from shop.kernel.clock import moment_of
from shop.platform.storage import sqlite_schema
from shop.platform.storage.body import unpack
from shop.platform.storage.port import MOST_PAGE, Layout, Stored

VERSION = ""  # the name under which a key's counters keep their version


class Statements:
    """The texts of a context's statements, made once."""

    def __init__(self, layout: Layout, fields: Sequence[str]) -> None:
        """`fields`: of the table of words, in its own order, which is the order of `bm25`'s weights."""
        self._documents = documents = f"{layout.context}_documents"
        counters = f"{layout.context}_counters"
        words = f"{layout.context}_words"
        row = f"SELECT key, body, packed, version, at FROM {documents}"
        alive = "(expires IS NULL OR expires > ?)"
        columns = ["version", "body", "packed", "at", "expires", *places(layout)]
        self.get = f"SELECT key, body, packed, version, at, expires FROM {documents} WHERE key = ?"
        returning = " RETURNING id, worded" if layout.words else ""  # it costs, and only words need it
        self.get_with_counts = (
            f"SELECT d.key, body, packed, version, at, expires, name, n FROM (SELECT ? AS document, ? AS counters) "
            f"LEFT JOIN {documents} d ON d.key = document LEFT JOIN {counters} c ON c.key = counters"
        )
        self.get_many = f"{row} WHERE key IN (SELECT value FROM json_each(?)) AND {alive}"
        self.scan = f"{row} WHERE key >= ? AND key < ? AND key > ? AND {alive} ORDER BY key LIMIT ?"
        self.insert = (
            f"INSERT INTO {documents} (key, {', '.join(columns)}, worded) VALUES (?, ?{', ?' * len(columns)}) "
            f"ON CONFLICT (key) DO UPDATE SET {', '.join(f'{c} = excluded.{c}' for c in columns)}, "
            f"worded = max(worded, excluded.worded) WHERE {documents}.expires <= ?{returning}"
        )
        self.replace = (
            f"UPDATE {documents} SET {', '.join(f'{c} = ?' for c in columns)}, worded = max(worded, ?) "
            f"WHERE key = ? AND version = ? AND {alive}{returning}"
        )
        self.counts = f"SELECT key, name, n FROM {counters} WHERE key IN (SELECT value FROM json_each(?))"
        self.counts_of_one = f"SELECT key, name, n FROM {counters} WHERE key = ?"
        self.version = f"SELECT n FROM {counters} WHERE key = ? AND name = '{VERSION}'"
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
        """The statement that finds by this index in this direction; `ValueError` if it is not declared."""
        try:
            return self._find[index, newest_first]
        except KeyError:
            raise ValueError(f"{self._documents} declares no index {index}") from None


def create(connection: sqlite3.Connection, layout: Layout) -> None:
    """Add what the file lacks. A document is found by a new index or word from its next put on."""
    if _lacks(connection, layout):
        connection.execute("BEGIN IMMEDIATE")
        add(connection, layout)
        connection.execute("COMMIT")


def add(connection: sqlite3.Connection, layout: Layout) -> None:
    """What the file lacks, in the transaction of the caller."""
    documents, words = f"{layout.context}_documents", f"{layout.context}_words"
    if not columns(connection, documents):
        sqlite_schema.record(connection, layout)
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {documents} (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, "
        "version INTEGER NOT NULL, body BLOB NOT NULL, packed INTEGER NOT NULL, at INTEGER NOT NULL, expires INTEGER, "
        "worded INTEGER NOT NULL)"
    )
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {layout.context}_counters (key TEXT NOT NULL, name TEXT NOT NULL, "
        "n INTEGER NOT NULL CHECK (n >= 0), PRIMARY KEY (key, name)) WITHOUT ROWID"
    )
    there = columns(connection, documents)
    for column in places(layout):
        if column not in there:
            connection.execute(f"ALTER TABLE {documents} ADD COLUMN {column} TEXT")
    for name in layout.indexes:
        connection.execute(
            f"CREATE INDEX IF NOT EXISTS {documents}_{name} ON {documents} ({name}_g, {name}_p, key) "
            f"WHERE {name}_g IS NOT NULL"
        )
    connection.execute(
        f"CREATE INDEX IF NOT EXISTS {documents}_expiring ON {documents} (expires) WHERE expires IS NOT NULL"
    )
    if set(columns(connection, words)) != set(layout.words):
        connection.execute(f"DROP TABLE IF EXISTS {words}")
        if layout.words:
            connection.execute(
                f"CREATE VIRTUAL TABLE {words} USING fts5({', '.join(layout.words)}, tokenize = 'ascii')"
            )


def places(layout: Layout) -> list[str]:
    """The columns of its indexes."""
    return [column for name in layout.indexes for column in (f"{name}_g", f"{name}_p")]


def columns(connection: sqlite3.Connection, table: str) -> list[str]:
    """The columns of a table, in their order; none if there is no such table."""
    return [name for (name,) in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))]


def stored(row: tuple[Any, ...]) -> Stored:
    """Of a row that begins with key, body, packed, version, at."""
    key, body, packed, version, at = row[:5]
    return Stored(key, unpack(body, bool(packed)), version, moment_of(at))


def page_of(rows: Sequence[tuple[Any, ...]], limit: int) -> list[Stored]:
    """The first of them: so many at most, and up to the one with which they are large enough."""
    found, size = list[Stored](), 0
    for row in rows[:limit]:
        found.append(stored(row))
        size += len(found[-1].body)
        if size > MOST_PAGE:
            break
    return found


def _lacks(connection: sqlite3.Connection, layout: Layout) -> bool:
    there = columns(connection, f"{layout.context}_documents")
    words = columns(connection, f"{layout.context}_words")
    return not {"key", *places(layout)}.issubset(there) or set(words) != set(layout.words)
