"""A store that an older shop has written becomes one of ours: in one transaction, with nobody beside it.

Whatever happens on the way, the file is the older shop's until it is wholly ours.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from shop.kernel.errors import Clash
from shop.platform.storage import sqlite_reindex, sqlite_schema, sqlite_tables
from shop.platform.storage.documents import Documents, Progress
from shop.platform.storage.port import Layout, Put, Stored
from shop.platform.storage.sqlite_file import StoreUnusable
from shop.platform.storage.sqlite_schema import EVENTS


class StoreInUse(Clash):
    """Somebody has the store open who must not."""

    code = "store-in-use"


def needs_upgrade(path: Path, layouts: Sequence[Layout]) -> bool:
    """Whether there is a store that an older shop has written; `NewerStore` if a newer one did."""
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(path, timeout=_PATIENCE)) as connection:
            return bool(sqlite_schema.outdated(connection, [EVENTS, *layouts]))
    except sqlite3.Error as error:
        raise StoreUnusable(f"{path} cannot be used as a store: {error}") from error


def upgrade(path: Path, every: Sequence[Documents], *, progress: Progress) -> None:
    """Bring the store to what its contexts declare. `StoreInUse` if anybody has it open, `Unreadable` by the document
    that cannot be upgraded: the store is then as it was.
    """
    with closing(alone(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        old = sqlite_schema.outdated(connection, [EVENTS, *(documents.layout for documents in every)])
        for documents in every:
            layout = documents.layout
            if layout.context in old:
                sqlite_tables.add(connection, layout)
                put_of = partial(documents.upgraded, since=old[layout.context])
                _put_all(connection, layout, put_of, progress)
                sqlite_schema.record(connection, layout)
        connection.execute("COMMIT")


def alone(path: Path) -> sqlite3.Connection:
    """A connection that lets nobody else near the file; `StoreInUse` if somebody is."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=0)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        raise StoreInUse(f"another program has {path} open: end it, then try again") from error
    return connection


_PATIENCE = 5.0  # seconds for one who opens, or closes, the file


def _put_all(
    connection: sqlite3.Connection, layout: Layout, put_of: Callable[[Stored], Put], progress: Progress
) -> None:
    whole = sqlite_reindex.count(connection, layout)
    done, last = 0, 0
    more: int | None = 0
    while more is not None:
        some, more = sqlite_reindex.put_page_anew(connection, layout, after=last, put_of=put_of)
        done, last = done + some, more or last
        progress(f"upgrading {layout.context}", done, whole)
