"""What must be so in a store, whatever the shop sells: the file, the places of its documents, events and deliveries."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from shop.kernel.clock import micros
from shop.kernel.events import Envelope
from shop.platform.storage import sqlite_reindex
from shop.platform.storage.documents import Documents, Progress
from shop.platform.storage.port import HIGHEST, Layout

_LATE = timedelta(minutes=5)  # for a delivery; from then on the shop is not ready either
_EVERY = 200  # between two looks at the progress bar


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was looked at, how many times, and a sentence for each time it was not so.

    `warnings`: what somebody should know, though nothing is wrong with the store.
    """

    what: str
    count: int
    differences: Sequence[str] = ()
    warnings: Sequence[str] = ()


def count_of(connection: sqlite3.Connection, layout: Layout, kind: str) -> int:
    """How many documents of a kind there are."""
    sql = f"SELECT count(*) FROM {layout.context}_documents WHERE key > ? AND key < ?"
    return int(connection.execute(sql, (f"{kind}/", f"{kind}/{HIGHEST}")).fetchone()[0])


def on_their_way(connection: sqlite3.Connection) -> frozenset[str]:
    """What the events are about whose deliveries are not ended, dead letters among them."""
    sql = "SELECT DISTINCT json_extract(CAST(body AS TEXT), '$.subject') FROM deliveries JOIN events ON seq = event"
    return frozenset(subject for (subject,) in connection.execute(sql))


def check_file(connection: sqlite3.Connection) -> Checked:
    """SQLite's own check of its pages, indexes and constraints."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    found = [f"the file: {line}" for (line,) in connection.execute("PRAGMA integrity_check")]
    return Checked(
        what="pages of the file, by SQLite's own check",
        count=pages,
        differences=found if found != ["the file: ok"] else [],
    )


def check_places(connection: sqlite3.Connection, documents: Documents, progress: Progress) -> Checked:
    """Each document can be read, and is found by what its context would have it found by today."""
    context = documents.layout.context
    whole, differences = sqlite_reindex.count(connection, documents.layout), []
    for number, difference in enumerate(sqlite_reindex.misplaced(connection, documents), start=1):
        if difference is not None:
            differences.append(difference)
        if number % _EVERY == 0 or number == whole:
            progress(f"checking the documents of {context}", number, whole)
    return Checked(
        what=f"{context}: documents that can be read, and are found where they should be",
        count=whole,
        differences=differences,
    )


def check_events(connection: sqlite3.Connection) -> Checked:
    """Each event can be read, and is kept under the id and type that it says."""
    count, differences = 0, []
    for seq, identifier, kind, body in connection.execute("SELECT seq, id, type, body FROM events ORDER BY seq"):
        count += 1
        try:
            envelope = msgspec.json.decode(body, type=Envelope)
        except msgspec.MsgspecError as error:
            differences.append(f"event {seq} ({identifier}) cannot be read: {error}")
            continue
        if (envelope.id, envelope.type) != (identifier, kind):
            differences.append(f"event {seq} is kept as {kind} {identifier}, and is {envelope.type} {envelope.id}")
    return Checked(what="events that can be read, and are what they are kept as", count=count, differences=differences)


def check_deliveries(connection: sqlite3.Connection, *, now: datetime) -> Checked:
    """Each has its event, and is there once. Warns of dead and late ones, and of claims that ran out."""
    (count,) = connection.execute("SELECT count(*) FROM deliveries").fetchone()
    asked = {"now": micros(now), "late": micros(now - _LATE)}
    return Checked(
        what="deliveries that have their event, and are there once",
        count=count,
        differences=[*_told(connection, _WITHOUT_EVENT, asked), *_told(connection, _TWICE, asked)],
        warnings=[told for one in (_DEAD, _OVERDUE, _LEFT) for told in _told(connection, one, asked)],
    )


# a query, and what to say of each row
_WITHOUT_EVENT = (
    "SELECT id, consumer, event FROM deliveries WHERE event NOT IN (SELECT seq FROM events) ORDER BY id",
    "delivery {} to {} is of event {}, which is not there",
)
_TWICE = (
    "SELECT event, consumer, count(*) FROM deliveries GROUP BY event, consumer HAVING count(*) > 1",
    "event {} is to be delivered to {} {} times",
)
_DEAD = (
    """
    SELECT count(*), type, consumer, max(error) FROM deliveries JOIN events ON seq = event
    WHERE dead IS NOT NULL GROUP BY type, consumer
    """,
    "dead letters: {} of {} to {}, such as: {}",
)
_OVERDUE = (
    """
    SELECT count(*), type, consumer, strftime('%Y-%m-%dT%H:%M:%SZ', min(due) / 1000000, 'unixepoch')
    FROM deliveries JOIN events ON seq = event WHERE dead IS NULL AND due <= :late GROUP BY type, consumer
    """,
    "overdue: {} of {} to {}, since {}; a server makes them: shop serve",
)
_LEFT = (
    "SELECT count(*), owner FROM deliveries WHERE dead IS NULL AND until <= :now GROUP BY owner",
    "left undone: {} claimed by {}, which has let its claim run out; the next server makes them: shop serve",
)


def _told(connection: sqlite3.Connection, asked_and_said: tuple[str, str], asked: dict[str, int]) -> Iterator[str]:
    sql, said = asked_and_said
    return (said.format(*row) for row in connection.execute(sql, asked))
