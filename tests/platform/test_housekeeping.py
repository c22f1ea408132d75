"""What is old and done is deleted, some at a time; what is not done, or not old, is kept."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from shop.kernel.events import Cause
from shop.platform.bus_local import listen
from shop.platform.housekeeping import Housekeeping
from shop.platform.storage import sqlite_deliveries as deliveries
from shop.platform.storage.port import Change, Conflict, Layout, Put
from shop.platform.storage.sqlite_log import SqliteLog

MONTH = timedelta(days=30)
NOBODY = Cause(id="job_housekeeping")
CARDS = Layout(context="cards", indexes={"owner": 1}, words={"name": 1.0})


@pytest.fixture
def keep(store, clock):
    return Housekeeping(file=store.file, clock=clock, keep=MONTH)


@pytest.fixture
def kept(store):
    def ids():
        return [one for (one,) in store.file.reader.execute("SELECT id FROM events ORDER BY seq")]

    return ids


@pytest.fixture
def read(store):
    return lambda after=None: SqliteLog(store.file).read(after=after, types=(), most=100)


async def bury_the_oldest(store, clock):
    def bury(connection):
        [one] = deliveries.claim(connection, owner="me", now=clock(), most=1)
        deliveries.bury(connection, one.delivery, at=clock(), attempts=24, error="ValueError")

    await store.file.write(bury)


async def test_events_are_kept_for_their_time_and_no_longer(keep, kept, send, clock):
    await send([1])
    clock.forward(timedelta(days=1))
    await send([2])

    clock.forward(MONTH - timedelta(days=1))
    await keep.forget_events(NOBODY)
    assert kept() == ["evt_000001", "evt_000002"]
    clock.forward(timedelta(microseconds=1))
    await keep.forget_events(NOBODY)
    assert kept() == ["evt_000002"]


async def test_what_is_not_delivered_or_dead_is_kept_however_old(
    keep, kept, send, store, serve, book, hearing, until, clock
):
    reader = book()
    listen(store, hearing(reader=reader.hear))
    await send([1, 2])
    await bury_the_oldest(store, clock)
    await send([3], kind="parcel.lost")

    clock.forward(2 * MONTH)
    await keep.forget_events(NOBODY)
    assert kept() == ["evt_000001", "evt_000002"]

    await serve(store, hearing(reader=reader.hear))
    await until(reader.heard)
    await keep.forget_events(NOBODY)
    assert reader.heard() == ["evt_000002"]
    assert kept() == ["evt_000001"]


async def test_who_reads_on_from_before_the_oldest_kept_is_told_that_something_is_missing(
    keep, read, send, store, clock, book, hearing
):
    listen(store, hearing(reader=book().hear))
    at_the_start = (await read()).after
    await send([0])
    await bury_the_oldest(store, clock)
    after_the_dead_one = (await read()).after
    await send(range(1, 4), kind="parcel.lost")
    after_all = (await read()).after
    clock.forward(2 * MONTH)
    await keep.forget_events(NOBODY)
    await send([4])

    first, behind_the_dead_one, last = [await read(one) for one in (at_the_start, after_the_dead_one, after_all)]

    assert [b"evt_000000" in one for one in first.events] == [True, False]
    assert [b"evt_000004" in one for one in behind_the_dead_one.events] == [True]
    assert (first.missing, behind_the_dead_one.missing, last.missing) == (True, True, False)
    assert (await read()).missing
    assert not (await read(first.after)).missing


async def test_a_cursor_is_good_when_all_events_are_gone(keep, read, send, clock):
    await send(range(3))
    cursor = (await read()).after
    clock.forward(2 * MONTH)
    await keep.forget_events(NOBODY)

    nothing = await read(cursor)
    await send([3])

    assert (nothing.events, nothing.missing) == ([], False)
    assert [b"evt_000003" in one for one in (await read(nothing.after)).events] == [True]


async def test_so_many_are_deleted_in_one_commit_and_in_one_run(keep, kept, send, store, clock):
    await send(range(1200))
    clock.forward(2 * MONTH)
    begun = store.statistics.units
    await Housekeeping(file=store.file, clock=clock, keep=MONTH, most_pages=2).forget_events(NOBODY)
    assert (len(kept()), store.statistics.units - begun) == (200, 2)

    await keep.forget_events(NOBODY)
    assert kept() == []


async def test_old_ones_behind_many_that_are_kept_are_found(keep, kept, send, store, clock, book, hearing):
    listen(store, hearing(reader=book().hear))
    await send(range(1100))
    await send(range(1100, 1110), kind="parcel.lost")
    clock.forward(2 * MONTH)

    await keep.forget_events(NOBODY)

    assert len(kept()) == 1100


async def test_expired_documents_are_purged_with_their_words_and_others_stay(keep, store, clock):
    cards = store.records(CARDS)
    soon, later = clock() + timedelta(hours=1), clock() + timedelta(hours=2)
    await cards.commit(
        puts=[
            Put(key=f"card/{n}", body=b"{}", was=0, indexes={"owner": ("ada", str(n))}, words={"name": "gold"},
                expires=expires)
            for n, expires in enumerate([soon, later, None] * 400)
        ],
        changes=[Change(key="count/1", by={"made": 1200})],
    )  # fmt: skip
    clock.forward(timedelta(hours=1))

    await keep.purge_documents(NOBODY)

    counted = "SELECT (SELECT count(*) FROM cards_documents), (SELECT count(*) FROM cards_words)"
    assert store.file.reader.execute(counted).fetchone() == (800, 800)
    assert (await cards.counts(["count/1"]))["count/1"].of == {"made": 1200}
    assert await cards.get("card/0") is None
    assert len(await cards.get_many(["card/1", "card/2"])) == 2
    with pytest.raises(Conflict):
        await cards.commit(puts=[Put(key="card/0", body=b"{}", was=1)])
    await cards.commit(puts=[Put(key="card/0", body=b'{"new":1}', was=0)])
    assert (await cards.get("card/0")).version == 1


async def test_a_document_that_is_put_again_while_it_is_purged_stays(keep, store, clock, monkeypatch):
    cards = store.records(CARDS)
    await cards.commit(puts=[Put(key="card/1", body=b"old", was=0, expires=clock() + timedelta(hours=1))])
    clock.forward(timedelta(hours=1))
    looked = store.file.read_aside

    async def put_again_after_the_look(read):
        found = await looked(read)
        monkeypatch.undo()
        await cards.commit(puts=[Put(key="card/1", body=b"new", was=0, expires=clock() + timedelta(hours=1))])
        return found

    monkeypatch.setattr(store.file, "read_aside", put_again_after_the_look)  # the moment between look and delete
    await keep.purge_documents(NOBODY)

    assert (await cards.get("card/1")).body == b"new"


async def test_the_jobs_run_beside_deliveries(keep, kept, send, store, serve, book, hearing, until, clock):
    reader = book()
    await serve(store, hearing(reader=reader.hear), keep.table())
    await send(range(50))
    await until(lambda: len(reader.heard()) == 50)
    await asyncio.sleep(0)

    clock.forward(2 * MONTH)

    await until(lambda: kept() == [])
