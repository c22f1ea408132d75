"""The log in SQLite: the table of events by `seq`, which is the order of commits, whoever commits.

`seq` is given under the lock of the one who writes, so a reader never sees one behind which a lower one comes later.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated

import msgspec

from shop.platform.storage.cursor import cursor, point
from shop.platform.storage.log import Stretch
from shop.platform.storage.port import ForeignCursor
from shop.platform.storage.sqlite_file import SqliteFile

_QUESTION = ("events",)
_MOST_LOOKED_AT = 10_000  # events, whatever their type: some milliseconds
_MOST_BYTES = 2 * 1024 * 1024
_START = (0, "")

# The seq of the last event looked at, and its id: a restored store may give the seq to another one.
_Point = tuple[Annotated[int, msgspec.Meta(ge=0, le=2**62)], str]

_BEHIND = """
SELECT seq, id, CASE WHEN :all OR type IN (SELECT value FROM json_each(:types)) THEN body END
FROM events WHERE seq > :after ORDER BY seq LIMIT :most
"""


@dataclass(frozen=True, slots=True)
class SqliteLog:
    """Reads aside, so that nobody who waits for an answer waits for it."""

    file: SqliteFile

    async def read(self, *, after: str | None, types: Collection[str], most: int) -> Stretch:
        """As the port says."""
        since = _START if after is None else point(after, _QUESTION, _Point)
        return await self.file.read_aside(lambda connection: _snapshot(connection, since, types, most))


def _snapshot(connection: sqlite3.Connection, since: _Point, types: Collection[str], most: int) -> Stretch:
    """All of it as it was at one moment: what is purged meanwhile is not missed in silence."""
    connection.execute("BEGIN")
    try:
        return _stretch(connection, since, types, most)
    finally:
        connection.execute("ROLLBACK")


def _stretch(connection: sqlite3.Connection, since: _Point, types: Collection[str], most: int) -> Stretch:
    newest, forgotten = connection.execute(
        "SELECT (SELECT seq FROM sqlite_sequence WHERE name = 'events'), (SELECT upto FROM forgotten)"
    ).fetchone()
    _check(connection, since, newest or 0)
    last, events, size = since, list[bytes](), 0
    asked = {"all": not types, "types": msgspec.json.encode(list(types)).decode(), "after": since[0]}
    for seq, identifier, body in connection.execute(_BEHIND, {**asked, "most": _MOST_LOOKED_AT}):
        last = (seq, identifier)
        if body is not None:
            events.append(body)
            size += len(body)
        if len(events) == most or size >= _MOST_BYTES:
            break
    more = connection.execute("SELECT 1 FROM events WHERE seq > ? LIMIT 1", last[:1]).fetchone() is not None
    return Stretch(events, cursor(_QUESTION, last), more, missing=since[0] < (forgotten or 0))


def _check(connection: sqlite3.Connection, since: _Point, newest: int) -> None:
    there = connection.execute("SELECT id FROM events WHERE seq = ?", since[:1]).fetchone()
    if since[0] > newest or (there is not None and there[0] != since[1]):
        raise ForeignCursor("this cursor is of another store, or of before a backup was restored: begin without one")
