"""A backup is the store of one moment, whole; what is restored is that, or what was there before."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import sys
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shop.kernel.clock import micros
from shop.kernel.events import Envelope
from shop.platform.storage.port import Layout, Put
from shop.platform.storage.sqlite import SqliteStore
from shop.platform.storage.sqlite_backup import Damaged, FileExists, NoBackup, NoStore, back_up, restore
from shop.platform.storage.sqlite_file import StoreUnusable
from shop.platform.storage.sqlite_schema import NewerStore
from shop.platform.storage.sqlite_upgrade import StoreInUse

NOTES = Layout(context="notes")
NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
_KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from shop.platform.storage.port import Layout
from shop.platform.storage.sqlite_backup import restore

def die(phase, done, of):
    if phase == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)

layouts, at = [Layout(context="notes")], datetime(2026, 11, 23, 4, tzinfo=UTC)
restore(Path(sys.argv[1]), Path(sys.argv[2]), layouts, at=at, force=True, progress=die)
"""


@pytest.fixture
def opened(clock):
    @asynccontextmanager
    async def opened(path):
        store = SqliteStore(path, clock=clock)
        await store.open()
        yield store
        await store.close()

    return opened


@pytest.fixture
async def path(opened, tmp_path):
    """Of a store with a note in it, which nobody has open."""
    path = tmp_path / "data" / "shop.db"
    async with opened(path) as store:
        await note(store, "first")
    return path


@pytest.fixture
async def store(opened, path):
    """The same, open."""
    async with opened(path) as store:
        yield store


@pytest.fixture
def file(tmp_path):
    return tmp_path / "backup.db"


@pytest.fixture
def backup(path, file):
    back_up(path, file)
    return file


async def note(store, key, size=10):
    body = f'"{random.Random(key).randbytes(size // 2).hex()}"'.encode()
    event = Envelope(id=f"evt_{key}", source="/notes", type="note.kept", subject=key, time="t", dataschema="s", data={})
    await store.records(NOTES).commit(puts=[Put(key=f"note/{key}", body=body, was=0)], events=[event])


def notes(path):
    with closing(sqlite3.connect(path)) as connection:
        return [key.removeprefix("note/") for (key,) in connection.execute("SELECT key FROM notes_documents")]


def beside(path):
    return sorted(one.name for one in path.parent.iterdir() if one != path)


def damage(path):
    """An index that lacks a row of its table: the statement that made the one is no longer what fills it."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET sql = replace(sql, 'WHERE expires IS NOT NULL', '') "
            "WHERE name = 'notes_documents_expiring'"
        )


def test_a_backup_has_what_was_committed_and_nothing_of_what_is_under_way(path, file):
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE notes_documents SET key = 'note/half'")

        size = back_up(path, file)

        other.execute("ROLLBACK")
    assert notes(file) == ["first"]
    assert size == file.stat().st_size
    assert beside(file) == ["data"]


def test_what_is_committed_while_it_is_copied_is_not_in_it_and_does_not_wait(path, file):
    told = []

    def write_meanwhile(phase, done, of):
        told.append((phase, done, of))
        with closing(sqlite3.connect(path, timeout=0)) as other, other:
            other.execute("UPDATE notes_documents SET key = 'note/later'")

    back_up(path, file, progress=write_meanwhile)

    assert notes(file) == ["first"]
    assert notes(path) == ["later"]
    assert [done == of for _, done, of in told] == [True]


async def test_a_backup_replaces_another_one_only_by_force(store, path, file):
    back_up(path, file)
    await note(store, "second")

    with pytest.raises(FileExists, match="--force"):
        back_up(path, file)
    before = notes(file)
    back_up(path, file, force=True)

    assert before == ["first"]
    assert notes(file) == ["first", "second"]


def test_a_backup_is_neither_a_folder_nor_the_store_itself(path, tmp_path):
    for place in (tmp_path, path):
        with pytest.raises(FileExists, match="name another file"):
            back_up(path, place, force=True)


async def test_a_backup_that_is_broken_off_leaves_the_one_before_and_nothing_else(store, path, file):
    back_up(path, file)
    await note(store, "second")

    def fall(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back_up(path, file, force=True, progress=fall)

    assert notes(file) == ["first"]
    assert beside(file) == ["data"]


def test_a_damaged_store_does_not_replace_a_good_backup(backup, path):
    damage(path)

    with pytest.raises(Damaged, match="restore an earlier backup"):
        back_up(path, backup, force=True)

    assert notes(backup) == ["first"]


def test_where_there_is_no_store_nothing_is_made(tmp_path, file):
    with pytest.raises(NoStore, match="SHOP_DATA"):
        back_up(tmp_path / "nowhere" / "shop.db", file)

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_said(path, tmp_path):
    with pytest.raises(StoreUnusable, match=r"nowhere/backup\.db"):
        back_up(path, tmp_path / "nowhere" / "backup.db")


def test_a_disk_without_links_can_have_a_backup(path, file, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)  # no such disk is at hand

    back_up(path, file)

    assert notes(file) == ["first"]


def test_a_store_is_made_from_a_backup(backup, tmp_path):
    elsewhere = tmp_path / "elsewhere" / "shop.db"

    restored = restore(backup, elsewhere, [NOTES], at=NOW)

    assert (restored.events, restored.documents, restored.aside) == (1, 1, None)
    assert notes(elsewhere) == ["first"]
    assert beside(elsewhere) == []


def test_a_log_that_lies_where_the_store_shall_be_is_not_taken_for_its_own(backup, path):
    path.unlink()
    log = path.with_name("shop.db-wal")
    log.write_bytes(b"of another store")

    restore(backup, path, [NOTES], at=NOW)

    assert notes(path) == ["first"]
    assert beside(path) == ["shop.db.before-20261123T040000Z-wal"]


async def test_a_store_that_is_there_stays_or_is_kept_aside(opened, backup, path):
    async with opened(path) as store:
        await note(store, "second")

    with pytest.raises(FileExists, match="--force"):
        restore(backup, path, [NOTES], at=NOW)
    untouched = notes(path)
    restored = restore(backup, path, [NOTES], at=NOW, force=True)

    assert untouched == ["first", "second"]
    assert notes(path) == ["first"]
    assert notes(restored.aside) == ["first", "second"]
    assert beside(path) == [restored.aside.name]


async def test_what_only_the_log_of_the_store_has_is_kept_aside_too(opened, backup, path, tmp_path):
    async with opened(path) as store:
        await note(store, "in the log")
        for end in ("", "-wal"):  # as a server that was killed leaves it
            (tmp_path / f"killed{end}").write_bytes(path.with_name(path.name + end).read_bytes())

    restored = restore(backup, tmp_path / "killed", [NOTES], at=NOW, force=True)

    assert notes(tmp_path / "killed") == ["first"]
    assert notes(restored.aside) == ["first", "in the log"]


def test_a_store_that_cannot_be_read_is_kept_aside_as_it_is(backup, path):
    path.write_bytes(b"no store" * 1000)

    restored = restore(backup, path, [NOTES], at=NOW, force=True)

    assert notes(path) == ["first"]
    assert restored.aside.read_bytes() == b"no store" * 1000


def test_a_store_that_somebody_has_open_is_not_replaced(backup, path):
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("SELECT count(*) FROM events").fetchone()

        with pytest.raises(StoreInUse, match="end it"):
            restore(backup, path, [NOTES], at=NOW, force=True)

    assert beside(path) == []


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (Path.unlink, "is no file"),
        (lambda file: file.write_bytes(b""), "it has no events"),
        (lambda file: file.write_text("a,b\n" * 500), "is no copy of a store"),
        (damage, "is damaged"),
        (lambda file: file.write_bytes(file.read_bytes()[:8192]), "no copy of a store|damaged"),
    ],
    ids=["absent", "empty", "something else", "damaged", "cut off"],
)
def test_what_is_no_good_backup_is_refused(backup, path, spoil, said):
    spoil(backup)

    with pytest.raises(NoBackup, match=said) as refused:
        restore(backup, path, [NOTES], at=NOW, force=True)

    assert "\n" not in refused.value.detail
    assert notes(path) == ["first"]
    assert beside(path) == []


def test_a_backup_by_a_newer_shop_is_refused(backup, path):
    with closing(sqlite3.connect(backup)) as connection, connection:
        connection.execute("UPDATE schemas SET version = 9 WHERE context = 'notes'")

    with pytest.raises(NewerStore, match="notes 9, not 1"):
        restore(backup, path, [NOTES], at=NOW, force=True)


def test_the_store_itself_is_no_backup_of_it(path):
    with pytest.raises(FileExists, match="is the store itself"):
        restore(path, path, [NOTES], at=NOW, force=True)


@pytest.mark.parametrize("phase", ["copying", "replacing"])
async def test_a_restore_that_is_killed_leaves_the_store_of_before(opened, path, file, phase):
    async with opened(path) as store:
        for number in range(20):  # more pages than are copied at once
            await note(store, f"long-{number}", size=600_000)
    back_up(path, file)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE notes_documents SET key = 'note/new' WHERE key = 'note/first'")

    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", _KILLED, str(file), str(path), phase)

    assert await killed.wait() == -signal.SIGKILL
    assert "new" in notes(path)
    restore(file, path, [NOTES], at=NOW + timedelta(seconds=1), force=True)
    assert "first" in notes(path)


async def test_no_number_of_an_event_is_given_twice_however_often_a_backup_is_restored(opened, backup, path):
    given = []
    for restored_at in (NOW, NOW + timedelta(seconds=1)):
        restore(backup, path, [NOTES], at=restored_at, force=True)
        async with opened(path) as store:
            await note(store, "second")
            given += store.file.rows("SELECT seq FROM events WHERE id = 'evt_second'", ())

    assert given == [(micros(NOW) + 1,), (micros(NOW + timedelta(seconds=1)) + 1,)]


async def test_what_a_server_that_is_no_more_had_claimed_is_anybodys(store, path, file, tmp_path):
    store.owner, store.routes = "server-1", {"note.kept": ["reader"]}
    await note(store, "second")
    back_up(path, file)

    restore(file, tmp_path / "shop.db", [NOTES], at=NOW)

    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        assert connection.execute("SELECT consumer, owner, until FROM deliveries").fetchall() == [
            ("reader", None, None)
        ]
