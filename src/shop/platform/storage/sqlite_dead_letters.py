"""Deliveries that are not tried again by themselves, and how they are brought back to life."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from shop.kernel.clock import Clock, micros, moment_of
from shop.platform.dead_letters import DeadLetter, Id
from shop.platform.storage import sqlite_deliveries
from shop.platform.storage.sqlite_file import SqliteFile

_PAGE = 500

_ROW = """
SELECT deliveries.id, consumer, events.id, type, dead, attempts, coalesce(error, ''), body
FROM deliveries JOIN events ON seq = event WHERE dead IS NOT NULL
"""


_POSTPONED = """
SELECT deliveries.id, consumer, attempts, coalesce(error, ''), due, body
FROM deliveries JOIN events ON seq = event WHERE dead IS NULL AND attempts > 0 ORDER BY due LIMIT ?
"""
_HASTEN = "UPDATE deliveries SET due = ? WHERE id = ? AND dead IS NULL AND attempts > 0 AND owner IS NULL"


class Postponed(NamedTuple):
    """A delivery that failed and is `due` again."""

    id: int
    consumer: str
    attempts: int
    reason: str  # of the last failure, without data
    due: datetime
    event: bytes  # the CloudEvent as JSON


@dataclass(frozen=True, slots=True)
class SqliteDeadLetters:
    """Those of a store. Some at a time, so that a server beside it is not held up."""

    file: SqliteFile
    clock: Clock

    async def each(self) -> AsyncGenerator[DeadLetter, None]:
        """Oldest first."""
        after = 0
        while page := self.file.read(lambda connection, after=after: _page(connection, after, _PAGE)):  # type: ignore[misc]
            for letter in page:
                yield letter
                after = int(letter.id)

    async def count(self) -> int:
        """Exactly."""
        return self.file.read(sqlite_deliveries.backlog).dead

    async def one(self, identifier: Id) -> DeadLetter | None:
        """As the port says."""
        return self.file.read(lambda connection: _one(connection, identifier))

    async def revive(self, identifiers: Collection[Id]) -> list[Id]:
        """They are due at once and nobody's; the server that runs makes them, or the next one."""
        left, revived = iter(identifiers), list[Id]()
        while some := list(islice(left, _PAGE)):
            revived += await self.file.write(
                lambda connection, some=some: _revive(connection, some, now=self.clock())  # type: ignore[misc]
            )
        return revived

    async def revive_all(self) -> int:
        """As `revive`."""
        return len(await self.revive([letter.id async for letter in self.each()]))

    async def first(self, most: int) -> list[DeadLetter]:
        """So many of them, the oldest."""
        return await self.file.read_aside(lambda connection: _page(connection, 0, most))

    async def postponed(self, *, most: int) -> list[Postponed]:
        """So many of the deliveries that failed and are tried again, the next one first."""
        rows = await self.file.read_aside(lambda connection: connection.execute(_POSTPONED, (most,)).fetchall())
        return [_postponed(*row) for row in rows]

    async def hasten(self, identifier: int) -> bool:
        """Such a delivery is due at once; False if there is none of this id."""
        now = micros(self.clock())
        return bool(await self.file.write(lambda connection: connection.execute(_HASTEN, (now, identifier)).rowcount))


def _postponed(identifier: int, consumer: str, attempts: int, reason: str, due: int, event: bytes) -> Postponed:
    return Postponed(identifier, consumer, attempts, reason, moment_of(due), event)


def _page(connection: sqlite3.Connection, after: int, most: int) -> list[DeadLetter]:
    rows = connection.execute(f"{_ROW} AND deliveries.id > ? ORDER BY deliveries.id LIMIT ?", (after, most))
    return [_letter(row) for row in rows]


def _one(connection: sqlite3.Connection, identifier: Id) -> DeadLetter | None:
    row = connection.execute(f"{_ROW} AND deliveries.id = ?", (identifier,)).fetchone()
    return _letter(row) if row is not None else None


def _revive(connection: sqlite3.Connection, identifiers: Sequence[Id], *, now: datetime) -> list[Id]:
    return [
        identifier
        for identifier in identifiers
        if connection.execute(
            "UPDATE deliveries SET due = ?, attempts = 0, dead = NULL, error = NULL, owner = NULL, until = NULL "
            "WHERE id = ? AND dead IS NOT NULL",
            (micros(now), identifier),
        ).rowcount
    ]


def _letter(row: tuple[int, str, str, str, int, int, str, bytes]) -> DeadLetter:
    identifier, consumer, event_id, event_type, dead, attempts, reason, event = row
    return DeadLetter(identifier, consumer, event_id, event_type, moment_of(dead), attempts, reason, event)
