"""What is not kept for ever: events whose deliveries have ended, and documents that have expired.

They are looked for aside and deleted in units of their own, so that no commit waits long. Their pages of the file are
used again; the file does not shrink.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile

from shop.kernel.clock import micros
from shop.platform.storage.sqlite_schema import EVENTS, versions
from shop.platform.storage.sqlite_tables import columns

_OLDEST = """
SELECT seq, at, seq IN (SELECT event FROM deliveries)
FROM (SELECT seq, at FROM events WHERE seq > ? ORDER BY seq LIMIT ?)
"""


def old_events(
    connection: sqlite3.Connection, *, after: int, before: datetime, most: int
) -> tuple[list[int], int | None]:
    """Of the next so many: those of before this moment that have no delivery left; and where to go on, or None.

    A delivery is born with its event, so an event that has none left never gets another. Dead letters are deliveries.
    """
    looked_at = connection.execute(_OLDEST, (after, most)).fetchall()
    old = list(takewhile(lambda row: row[1] < micros(before), looked_at))
    return [seq for seq, _, awaited in old if not awaited], old[-1][0] if len(old) == most else None


def forget(connection: sqlite3.Connection, events: Sequence[int]) -> None:
    """Delete these events, and remember up to where the log has gaps."""
    connection.executemany("DELETE FROM events WHERE seq = ?", ((seq,) for seq in events))
    upto = max(events)
    if not connection.execute("UPDATE forgotten SET upto = max(upto, ?)", (upto,)).rowcount:
        connection.execute("INSERT INTO forgotten VALUES (?)", (upto,))


def contexts(connection: sqlite3.Connection) -> list[str]:
    """Those that have documents in the file."""
    return [context for context in versions(connection) if context != EVENTS.context]


def expired(connection: sqlite3.Connection, context: str, *, now: datetime, most: int) -> list[int]:
    """Documents that read as absent since some time, the oldest first."""
    rows = connection.execute(
        f"SELECT id FROM {context}_documents WHERE expires <= ? ORDER BY expires LIMIT ?", (micros(now), most)
    )
    return [identifier for (identifier,) in rows]


def purge(connection: sqlite3.Connection, context: str, documents: Sequence[int], *, now: datetime) -> None:
    """Delete those of them that have not been put again meanwhile, with their words."""
    worded = bool(columns(connection, f"{context}_words"))
    for identifier in documents:
        gone = connection.execute(
            f"DELETE FROM {context}_documents WHERE id = ? AND expires <= ?", (identifier, micros(now))
        ).rowcount
        if gone and worded:
            connection.execute(f"DELETE FROM {context}_words WHERE rowid = ?", (identifier,))
