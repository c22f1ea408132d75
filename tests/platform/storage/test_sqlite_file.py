"""What the writer did is counted where everything is: on the event loop."""

from __future__ import annotations

import asyncio
import sqlite3
import time

import pytest

from shop.platform.storage.port import Unavailable
from shop.platform.storage.sqlite_file import SqliteFile
from shop.platform.storage.writes import Writes


@pytest.fixture
async def file(tmp_path):
    file = SqliteFile(tmp_path / "shop.db")
    await file.open()
    await file.write(lambda connection: connection.execute("CREATE TABLE parcels (name TEXT)"))
    yield file
    await file.close()


async def test_a_group_that_is_on_disk_is_counted_when_the_loop_hears_of_it(file):
    before = file.statistics.groups
    insert = "INSERT INTO parcels VALUES ('a')"
    writing = asyncio.create_task(file.write(lambda connection: connection.execute(insert)))
    for _ in range(2):  # it is handed over
        await asyncio.sleep(0)
    until = time.monotonic() + 10
    while not file.rows("SELECT * FROM parcels", ()):  # the loop stands still meanwhile
        assert time.monotonic() < until
    assert file.statistics.groups == before

    await writing

    assert file.statistics.groups == before + 1
    assert sum(file.statistics.sizes.buckets) == file.statistics.groups


async def test_what_is_undone_is_no_group(file):
    before = file.statistics.groups

    def break_off(connection):
        connection.execute("ROLLBACK")
        raise sqlite3.OperationalError("disk I/O error")

    with pytest.raises(Exception, match="did not take the write"):
        await file.write(break_off)

    assert (file.statistics.groups, file.statistics.units) == (before, before)


async def test_a_write_that_the_disk_refused_is_counted_as_that(file):
    writes = Writes()

    def break_off(connection):
        connection.execute("ROLLBACK")
        raise sqlite3.OperationalError("disk I/O error")

    with pytest.raises(Unavailable):
        await file.write(break_off, writes=writes)

    assert (writes.committed, writes.refused, sum(writes.seconds.buckets)) == (0, {"unavailable": 1}, 1)


async def test_a_write_to_a_store_that_is_closed_is_counted_and_takes_no_time(file):
    writes = Writes()
    await file.close()

    with pytest.raises(Unavailable):
        await file.write(lambda _: None, writes=writes)

    assert (writes.committed, writes.refused, sum(writes.seconds.buckets)) == (0, {"unavailable": 1}, 0)


async def test_a_write_whose_caller_has_gone_is_counted_as_what_became_of_it(file):
    writes = Writes()
    insert = "INSERT INTO parcels VALUES ('a')"
    gone = asyncio.create_task(file.write(lambda connection: connection.execute(insert), writes=writes))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait([gone])
    await file.write(lambda connection: connection.execute("INSERT INTO parcels VALUES ('b')"))

    assert gone.cancelled()
    assert len(file.rows("SELECT * FROM parcels", ())) == 2
    assert (writes.committed, sum(writes.seconds.buckets)) == (1, 1)
