"""Deliveries that are not tried again by themselves, and how they are brought back to life."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from shop.kernel.clock import micros, moment_of


class DeadLetter(NamedTuple):
    """A delivery that failed as often as it may."""

    id: int  # of the delivery
    consumer: str
    event_id: str
    event_type: str
    since: datetime  # when it was given up
    attempts: int
    reason: str  # of the last failure, without data
    event: bytes  # the CloudEvent as JSON


_ROW = """
SELECT deliveries.id, consumer, events.id, type, dead, attempts, coalesce(error, ''), body
FROM deliveries JOIN events ON seq = event WHERE dead IS NOT NULL
"""


def page(connection: sqlite3.Connection, *, after: int, most: int) -> list[DeadLetter]:
    """Those behind this id, oldest first."""
    rows = connection.execute(f"{_ROW} AND deliveries.id > ? ORDER BY deliveries.id LIMIT ?", (after, most))
    return [_letter(row) for row in rows]


def one(connection: sqlite3.Connection, identifier: int) -> DeadLetter | None:
    """The dead letter; None if there is none, or it has been brought back to life."""
    row = connection.execute(f"{_ROW} AND deliveries.id = ?", (identifier,)).fetchone()
    return _letter(row) if row is not None else None


def revive(connection: sqlite3.Connection, identifiers: Sequence[int], *, now: datetime) -> list[int]:
    """They are due at once and nobody's, as if they had never been tried; those of them that were dead."""
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
