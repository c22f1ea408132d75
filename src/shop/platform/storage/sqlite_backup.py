"""A copy of the store while others write it, and a store made from such a copy. Whole or not at all."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from shop.kernel.clock import micros
from shop.kernel.errors import Clash, NotFound
from shop.platform.storage import sqlite_deliveries, sqlite_schema
from shop.platform.storage.documents import Progress, in_silence
from shop.platform.storage.port import Layout
from shop.platform.storage.sqlite_file import StoreUnusable
from shop.platform.storage.sqlite_schema import EVENTS
from shop.platform.storage.sqlite_upgrade import alone
from shop.platform.whole_files import FileExists, making, put_in_place, refuse_taken, sync

_PAGES = 1000  # of 4 KB, between two looks at the progress bar
_PATIENCE = 5.0  # seconds, while another process recovers the file
_BESIDE = ("-wal", "-shm")  # what SQLite keeps beside a file that is in use
_BESIDE_PART = ("-journal", *_BESIDE)


class NoStore(NotFound):
    """There is no store where one is to be read."""

    code = "no-store"


class NoBackup(Clash):
    """A file that no store can be made from."""

    code = "no-backup"


class Damaged(Clash):
    """A store that is not worth a copy."""

    code = "damaged-store"


@dataclass(frozen=True, slots=True)
class Restored:
    """`aside`: where the store of before is kept, if there was one."""

    events: int
    documents: int
    aside: Path | None


def back_up(store: Path, file: Path, *, force: bool = False, progress: Progress = in_silence) -> int:
    """Copy the store as it is now, with all that was committed before; its size in bytes.

    Those who write it meanwhile neither wait nor are seen. `FileExists` without `force`; what was there stays until the
    copy is on disk, whole and found sound; `Damaged` if it is not.
    """
    if not store.exists():
        raise NoStore(f"there is no store in {store.parent}: name its folder with SHOP_DATA")
    if file.exists() and file.samefile(store):
        raise FileExists(f"{file} is the store itself: name another file")
    refuse_taken(file, force=force)
    try:
        with (
            making(file, beside=_BESIDE_PART) as part,
            closing(sqlite3.connect(store, isolation_level=None, timeout=_PATIENCE)) as source,
        ):
            _copy(source, part, progress)
            if faults := _faults(part):
                raise Damaged(f"{store} is damaged ({faults}), and was not copied: restore an earlier backup")
            put_in_place(part, file, force=force)
    except sqlite3.Error as error:
        raise StoreUnusable(f"{store} cannot be copied to {file}: {error}") from error
    return file.stat().st_size


def restore(
    file: Path,
    store: Path,
    layouts: Sequence[Layout],
    *,
    at: datetime,
    force: bool = False,
    progress: Progress = in_silence,
) -> Restored:
    """Make the store from a copy. The caller holds the server lock.

    `NoBackup` if it is damaged or no copy of a store, `NewerStore` if a newer shop wrote it, `FileExists` if there is a
    store already: `force` keeps that under another name. `StoreInUse` if somebody has it open.
    """
    there = store.exists()
    if there and file.exists() and file.samefile(store):
        raise FileExists(f"{file} is the store itself: name the copy to restore")
    if there and not force:
        raise FileExists(f"there is a store in {store.parent}: with --force it is kept under another name")
    store.parent.mkdir(parents=True, exist_ok=True)
    aside = store.with_name(f"{store.name}.before-{at:%Y%m%dT%H%M%SZ}")
    with making(store, beside=_BESIDE_PART) as part:
        counts = _prepare(file, part, layouts, at=at, progress=progress)
        if there:
            _replace(store, part, aside, progress)
        else:
            _clear_beside(store, aside)
            put_in_place(part, store, force=False)
    return Restored(*counts, aside if there else None)


def _copy(source: sqlite3.Connection, part: Path, progress: Progress = in_silence) -> None:
    """Of one moment: the transaction keeps it while others write, so that nothing has to be copied again."""
    source.execute("BEGIN")
    source.execute("SELECT count(*) FROM sqlite_master").fetchone()
    with closing(sqlite3.connect(part, isolation_level=None)) as copy:
        source.backup(copy, pages=_PAGES, progress=lambda _, left, of: progress("copying", of - left, of))
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, and no other beside it
    source.execute("COMMIT")


def _prepare(file: Path, part: Path, layouts: Sequence[Layout], *, at: datetime, progress: Progress) -> tuple[int, int]:
    """The store that shall be, beside its place; how many events and documents are in it."""
    try:
        with closing(_read_only(file)) as source:
            _copy(source, part, progress)
        if faults := _faults(part):
            raise NoBackup(f"{file} is damaged: {faults}")
        with closing(sqlite3.connect(part, isolation_level=None)) as copy:
            there = sqlite_schema.versions(copy)
            if EVENTS.context not in there:
                raise NoBackup(f"{file} is no copy of a store: it has no events")
            sqlite_schema.outdated(copy, [EVENTS, *layouts])
            _begin_a_new_life(copy, at=at)
            tables = [f"{context}_documents" for context in there if context != EVENTS.context]
            events, *documents = (
                copy.execute(f"SELECT count(*) FROM {one}").fetchone()[0] for one in ("events", *tables)
            )
    except sqlite3.Error as error:
        raise NoBackup(f"{file} is no copy of a store: {error}") from error
    return events, sum(documents)


def _read_only(file: Path) -> sqlite3.Connection:
    if not file.is_file():
        raise NoBackup(f"{file} is no file")
    beside = any(file.with_name(file.name + end).exists() for end in _BESIDE)
    return sqlite3.connect(
        f"{file.absolute().as_uri()}?mode=ro{'' if beside else '&immutable=1'}", uri=True, isolation_level=None
    )


def _faults(copy: Path) -> str:
    with closing(sqlite3.connect(copy)) as connection:
        found = [line for (line,) in connection.execute("PRAGMA integrity_check(3)")]
    return "" if found == ["ok"] else "; ".join(found)


def _begin_a_new_life(copy: sqlite3.Connection, *, at: datetime) -> None:
    """What was claimed is anybody's, and no number of an event that was committed after the copy is given again: who
    reads the events may have seen it. Numbers grow slower than time, so this moment's has not been given.
    """
    copy.execute("BEGIN IMMEDIATE")
    sqlite_deliveries.release(copy, owner=None)
    copy.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'events'", (micros(at),))
    copy.execute("COMMIT")


def _replace(store: Path, part: Path, aside: Path, progress: Progress) -> None:
    """What is in the store, in one transaction of SQLite's: whoever opens it meanwhile finds the one or the other, and
    no log of the one beside the other. A file that SQLite cannot use is replaced as such; nobody can have it open.
    """
    try:
        with closing(alone(store)) as old:
            with making(aside, beside=_BESIDE_PART) as kept:
                _copy(old, kept)
                put_in_place(kept, aside, force=False)
            with closing(sqlite3.connect(part)) as new:
                new.backup(old, pages=_PAGES, progress=lambda _, left, of: progress("replacing", of - left, of))
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            raise StoreUnusable(f"{store} cannot be replaced: {error}") from error
        if not aside.exists():
            os.link(store, aside)
        _clear_beside(store, aside)
        put_in_place(part, store, force=True)


def _clear_beside(store: Path, aside: Path) -> None:
    """SQLite would take them for the new file's."""
    for end in _BESIDE:
        beside = store.with_name(store.name + end)
        if beside.exists():
            beside.replace(aside.with_name(aside.name + end))
    sync(store.parent)
