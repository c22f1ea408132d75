"""Of which version the tables in the file are, by context: `schemas`, one row each.

A file without such a row for a context that has tables is of before there were rows: version 1.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from shop.kernel.errors import Clash
from shop.platform.storage.port import Layout

EVENTS = Layout(context="events")  # the tables of `sqlite_deliveries.py`

_FIRST = 1
_TABLE = """
CREATE TABLE IF NOT EXISTS schemas (context TEXT PRIMARY KEY, version INTEGER NOT NULL, found_by TEXT NOT NULL)
WITHOUT ROWID
"""


class NewerStore(Clash):
    """A store that a newer shop has written."""

    code = "newer-store"


def versions(connection: sqlite3.Connection) -> dict[str, tuple[int, str | None]]:
    """Context → (version, what its documents can be found by); None: what was declared when they were put."""
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found: dict[str, tuple[int, str | None]] = {
        name.removesuffix("_documents"): (_FIRST, None) for name in tables if name.endswith("_documents")
    }
    if "events" in tables:
        found[EVENTS.context] = (_FIRST, _found_by(EVENTS))
    if "schemas" in tables:
        rows = connection.execute("SELECT context, version, found_by FROM schemas")
        found |= {context: (version, found_by) for context, version, found_by in rows}
    return found


def record(connection: sqlite3.Connection, layout: Layout) -> None:
    """From now on the file has this layout."""
    connection.execute(_TABLE)
    connection.execute(
        "INSERT OR REPLACE INTO schemas VALUES (?, ?, ?)", (layout.context, layout.version, _found_by(layout))
    )


def outdated(connection: sqlite3.Connection, layouts: Sequence[Layout]) -> dict[str, int]:
    """Contexts whose documents are to be put anew, and of which version they are; `NewerStore` if one is beyond us."""
    there = versions(connection)
    ours = {layout.context: layout.version for layout in layouts}
    newer = {context: version for context, (version, _) in there.items() if version > ours.get(context, 0)}
    if newer:
        theirs = ", ".join(f"{context} {version}, not {ours.get(context, 0)}" for context, version in newer.items())
        raise NewerStore(f"a newer shop wrote this store ({theirs}): install that shop, or restore a backup of before")
    return {
        layout.context: there[layout.context][0]
        for layout in layouts
        if layout.context in there and there[layout.context] != (layout.version, _found_by(layout))
    }


def _found_by(layout: Layout) -> str:
    return msgspec.json.encode([sorted(layout.indexes), sorted(layout.words)]).decode()
