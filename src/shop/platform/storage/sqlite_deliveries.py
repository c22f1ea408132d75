"""Committed events and their deliveries: two tables beside the documents, written in the same commit.

A delivery is born claimed by the server that commits it, so a claim costs no write; a command's is born
unclaimed. Ending a delivery deletes its row, in the commit of the effect it had.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from shop.kernel.clock import micros, moment_of
from shop.kernel.events import Delivery, Envelope
from shop.platform.bus import Backlog
from shop.platform.storage import sqlite_schema
from shop.platform.storage.port import AlreadyConsumed

LEASE = timedelta(seconds=60)

_EVENTS = """
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, type TEXT NOT NULL,
    body BLOB NOT NULL, at INTEGER NOT NULL)
"""
_DELIVERIES = """
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, event INTEGER NOT NULL, consumer TEXT NOT NULL, due INTEGER NOT NULL,
    attempts INTEGER NOT NULL, owner TEXT, until INTEGER, dead INTEGER, error TEXT)
"""
_FORGOTTEN = (
    "CREATE TABLE IF NOT EXISTS forgotten (upto INTEGER NOT NULL)"  # one row: the highest seq not kept any more
)
_UNCLAIMED = """
CREATE INDEX IF NOT EXISTS deliveries_unclaimed ON deliveries (due) WHERE owner IS NULL AND dead IS NULL
"""
_CLAIMABLE = "dead IS NULL AND due <= :now AND (owner IS NULL OR until <= :now)"


@dataclass(frozen=True, slots=True)
class Queued:
    """A delivery on its way: due `since`, after so many attempts."""

    delivery: Delivery
    envelope: Envelope
    attempts: int
    since: datetime


def create(connection: sqlite3.Connection) -> None:
    """The tables, where they are not there yet."""
    fresh = sqlite_schema.EVENTS.context not in sqlite_schema.versions(connection)
    for table in (_EVENTS, _DELIVERIES, _UNCLAIMED, _FORGOTTEN):
        connection.execute(table)
    if fresh:
        sqlite_schema.record(connection, sqlite_schema.EVENTS)


def publish(
    connection: sqlite3.Connection,
    events: Sequence[Envelope],
    *,
    routes: Mapping[str, Sequence[str]],
    owner: str | None,
    now: datetime,
) -> list[Queued]:
    """Keep the events and queue a delivery for each consumer that listens to their type."""
    queued: list[Queued] = []
    at = micros(now)
    until = micros(now + LEASE) if owner else None
    for envelope in events:
        body = msgspec.json.encode(envelope)
        seq = connection.execute(
            "INSERT INTO events (id, type, body, at) VALUES (?, ?, ?, ?)", (envelope.id, envelope.type, body, at)
        ).lastrowid
        for consumer in routes.get(envelope.type, ()):
            delivery = connection.execute(
                "INSERT INTO deliveries (event, consumer, due, attempts, owner, until) VALUES (?, ?, ?, 0, ?, ?)",
                (seq, consumer, at, owner, until),
            ).lastrowid
            queued.append(Queued(Delivery(str(delivery), envelope.id, consumer), envelope, 0, now))
    return queued


def end(connection: sqlite3.Connection, delivery: Delivery) -> None:
    """The delivery has had its effect; `AlreadyConsumed` if it was ended before."""
    if not connection.execute("DELETE FROM deliveries WHERE id = ?", (int(delivery.id),)).rowcount:
        raise AlreadyConsumed(delivery.id)


def unclaimed(connection: sqlite3.Connection, *, now: datetime) -> bool:
    """Whether a delivery is due and nobody's. Cheap: those born claimed are not in this index."""
    found = connection.execute(
        "SELECT 1 FROM deliveries WHERE owner IS NULL AND dead IS NULL AND due <= ? LIMIT 1", (micros(now),)
    ).fetchone()
    return found is not None


def claim(connection: sqlite3.Connection, *, owner: str, now: datetime, most: int) -> list[Queued]:
    """Take over what is due and unclaimed, or claimed by one who has not ended it in time; the owner's own last."""
    rows = connection.execute(
        f"UPDATE deliveries SET owner = :owner, until = :until WHERE id IN "
        f"(SELECT id FROM deliveries WHERE {_CLAIMABLE} ORDER BY owner IS :owner, id LIMIT :most) RETURNING id",
        {"owner": owner, "until": micros(now + LEASE), "now": micros(now), "most": most},
    ).fetchall()
    claimed = []
    for (identifier,) in sorted(rows):
        queued = _queued(connection, identifier)
        if queued is None:
            told = "the event cannot be read by this version"
            connection.execute(
                "UPDATE deliveries SET dead = ?, error = ?, owner = NULL, until = NULL WHERE id = ?",
                (micros(now), told, identifier),
            )
        else:
            claimed.append(queued)
    return claimed


def release(connection: sqlite3.Connection, *, owner: str | None) -> None:
    """Give up the owner's claims; with None everybody's, for a server that knows that it is the only one."""
    connection.execute("UPDATE deliveries SET owner = NULL, until = NULL WHERE owner = coalesce(?, owner)", (owner,))


def mine(connection: sqlite3.Connection, *, owner: str, after: int, most: int) -> list[Queued]:
    """Deliveries this server was born with and did not keep in memory, oldest first."""
    rows = connection.execute(
        "SELECT id FROM deliveries WHERE owner = ? AND id > ? AND dead IS NULL ORDER BY id LIMIT ?",
        (owner, after, most),
    ).fetchall()
    found = (_queued(connection, identifier) for (identifier,) in rows)
    return [queued for queued in found if queued is not None]


def retry(connection: sqlite3.Connection, delivery: Delivery, *, due: datetime, attempts: int, error: str) -> None:
    """Give it back, to be tried again by anybody from then on."""
    connection.execute(
        "UPDATE deliveries SET due = ?, attempts = ?, error = ?, owner = NULL, until = NULL WHERE id = ?",
        (micros(due), attempts, error, int(delivery.id)),
    )


def bury(connection: sqlite3.Connection, delivery: Delivery, *, at: datetime, attempts: int, error: str) -> None:
    """It is not tried again by itself: a dead letter."""
    connection.execute(
        "UPDATE deliveries SET dead = ?, attempts = ?, error = ?, owner = NULL, until = NULL WHERE id = ?",
        (micros(at), attempts, error, int(delivery.id)),
    )


def on_their_way(connection: sqlite3.Connection, *, due_by: datetime) -> int:
    """How many deliveries are to be made by then; dead letters are not among them."""
    (count,) = connection.execute(
        "SELECT count(*) FROM deliveries WHERE dead IS NULL AND due <= ?", (micros(due_by),)
    ).fetchone()
    return int(count)


def backlog(connection: sqlite3.Connection) -> Backlog:
    """What is not ended."""
    waiting, dead, oldest = connection.execute(
        "SELECT count(*) FILTER (WHERE dead IS NULL), count(dead), min(due) FILTER (WHERE dead IS NULL) FROM deliveries"
    ).fetchone()
    return Backlog(waiting, dead, moment_of(oldest) if oldest is not None else None)


def _queued(connection: sqlite3.Connection, identifier: int) -> Queued | None:
    consumer, attempts, due, body = connection.execute(
        "SELECT consumer, attempts, due, body FROM deliveries JOIN events ON seq = event WHERE deliveries.id = ?",
        (identifier,),
    ).fetchone()
    try:
        envelope = msgspec.json.decode(body, type=Envelope)
    except msgspec.MsgspecError:
        return None
    return Queued(Delivery(str(identifier), envelope.id, consumer), envelope, attempts, moment_of(due))
