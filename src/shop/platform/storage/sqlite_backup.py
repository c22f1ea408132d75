"""A copy of the store while others write it, and a store made from such a copy. Whole or not at all."""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from shop.kernel.errors import Clash, NotFound
from shop.platform.storage import sqlite_deliveries, sqlite_schema
from shop.platform.storage.documents import Progress, in_silence
from shop.platform.storage.port import Layout
from shop.platform.storage.sqlite_file import StoreUnusable
from shop.platform.storage.sqlite_schema import EVENTS
from shop.platform.storage.sqlite_upgrade import StoreInUse

_PAGES = 1000  # of 4 KB, between two looks at the progress bar
_LIVES = 10**9  # events of one life of a store, at most: the next life's numbers begin after them
_BESIDE = ("-wal", "-shm")


class FileExists(Clash):
    """There is something where a file is to be made."""

    code = "file-exists"


class NoStore(NotFound):
    """There is no store where one is to be read."""

    code = "no-store"


class NoBackup(Clash):
    """A file that no store can be made from."""

    code = "no-backup"


@dataclass(frozen=True, slots=True)
class Restored:
    """`aside`: where the store of before is kept, if there was one."""

    events: int
    documents: int
    aside: Path | None


def back_up(store: Path, file: Path, *, force: bool = False, progress: Progress = in_silence) -> int:
    """Copy the store as it is now, with all that was committed before; its size in bytes.

    Those who write it meanwhile neither wait nor are seen. `FileExists` without `force`; what was there stays until the
    copy is on disk, whole.
    """
    if not store.exists():
        raise NoStore(f"there is no store in {store.parent}: name its folder with SHOP_DATA")
    if file.exists() and (file.samefile(store) or file.is_dir() or not force):
        what = "is the store itself" if file.samefile(store) else "is there already"
        raise FileExists(f"{file} {what}: name another file{'' if file.is_dir() else ', or replace it with --force'}")
    with _making(file) as part:
        with closing(sqlite3.connect(store, isolation_level=None, timeout=5)) as source:
            _copy(source, part, progress=progress)
        _put_in_place(part, file, force=force)
        return file.stat().st_size


def restore(
    file: Path, store: Path, layouts: Sequence[Layout], *, at: datetime, force: bool = False, progress: Progress
) -> Restored:
    """Make the store from a copy. The caller holds the server lock.

    `NoBackup` if it is damaged or no copy of a store, `NewerStore` if a newer shop wrote it, `FileExists` if there is a
    store already: `force` keeps that under another name. `StoreInUse` if somebody has it open.
    """
    if store.exists() and not force:
        raise FileExists(f"there is a store in {store.parent}: with --force it is kept under another name")
    store.parent.mkdir(parents=True, exist_ok=True)
    with _making(store) as part:
        try:
            with closing(_read_only(file)) as source:
                _copy(source, part, progress=progress)
            with closing(sqlite3.connect(part, isolation_level=None)) as copy:
                restored = _checked(copy, file, layouts)
                _begin_a_new_life(copy)
        except sqlite3.Error as error:
            raise NoBackup(f"{file} is no copy of a store: {error}") from error
        aside = _set_aside(store, at=at) if store.exists() else None
        _put_in_place(part, store, force=True)
    return Restored(*restored, aside)


def _copy(source: sqlite3.Connection, part: Path, *, progress: Progress) -> None:
    """Of one moment: the transaction keeps it while others write, so that nothing has to be copied again."""
    source.execute("BEGIN")
    source.execute("SELECT count(*) FROM sqlite_master").fetchone()
    with closing(sqlite3.connect(part, isolation_level=None)) as copy:
        source.backup(copy, pages=_PAGES, progress=lambda _, left, of: progress("copying", of - left, of))
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, and no other beside it


def _read_only(file: Path) -> sqlite3.Connection:
    if not file.is_file():
        raise NoBackup(f"{file} is no file")
    beside = any(file.with_name(file.name + end).exists() for end in _BESIDE)
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro{'' if beside else '&immutable=1'}", uri=True)


def _checked(copy: sqlite3.Connection, file: Path, layouts: Sequence[Layout]) -> tuple[int, int]:
    """How many events and documents are in it."""
    found = [line for (line,) in copy.execute("PRAGMA integrity_check(3)")]
    if found != ["ok"]:
        raise NoBackup(f"{file} is damaged: {'; '.join(found)}")
    there = sqlite_schema.versions(copy)
    if EVENTS.context not in there:
        raise NoBackup(f"{file} is no copy of a store: it has no events")
    sqlite_schema.outdated(copy, [EVENTS, *layouts])
    tables = [f"{context}_documents" for context in there if context != EVENTS.context]
    counts = [int(copy.execute(f"SELECT count(*) FROM {table}").fetchone()[0]) for table in ["events", *tables]]
    return counts[0], sum(counts[1:])


def _begin_a_new_life(copy: sqlite3.Connection) -> None:
    """What was claimed is anybody's, and no number of an event that was committed after the copy is given again: who
    reads the events may have seen it.
    """
    copy.execute("BEGIN IMMEDIATE")
    sqlite_deliveries.release(copy, owner=None)
    copy.execute("UPDATE sqlite_sequence SET seq = (seq / ? + 1) * ? WHERE name = 'events'", (_LIVES, _LIVES))
    copy.execute("COMMIT")


def _set_aside(store: Path, *, at: datetime) -> Path:
    """The store of before under another name as well, alone and whole."""
    _fold(store)
    aside = store.with_name(f"{store.name}.before-{at:%Y%m%dT%H%M%SZ}")
    for end in ("", *_BESIDE):
        with suppress(FileNotFoundError):
            os.link(store.with_name(store.name + end), aside.with_name(aside.name + end))
    _sync(store.parent)
    for end in _BESIDE:  # nobody may take them for the new store's
        store.with_name(store.name + end).unlink(missing_ok=True)
    return aside


def _fold(store: Path) -> None:
    """What waits beside the file goes into it. A file that is too damaged for that is kept as it is."""
    try:
        with closing(sqlite3.connect(store, isolation_level=None, timeout=0)) as old:
            old.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            raise StoreInUse(f"another program has {store} open: end it, then try again") from error
        raise StoreUnusable(f"{store} cannot be set aside: {error}") from error
    except sqlite3.DatabaseError:
        return


@contextmanager
def _making(file: Path) -> Iterator[Path]:
    """A name beside the file to work under; nothing is left there."""
    part = file.with_name(f"{file.name}.{secrets.token_hex(8)}.part")
    try:
        yield part
    finally:
        for end in ("", "-journal", *_BESIDE):
            part.with_name(part.name + end).unlink(missing_ok=True)


def _put_in_place(part: Path, file: Path, *, force: bool) -> None:
    _sync(part)
    if force:
        part.replace(file)
    else:
        try:
            os.link(part, file)
        except FileExistsError as error:
            raise FileExists(f"{file} is there already: name another file, or replace it with --force") from error
    _sync(file.parent)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
