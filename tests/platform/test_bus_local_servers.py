"""The bus of one process: stopping, dying, and what others on the same store have committed."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from shop.platform.bus_local import listen
from shop.platform.storage.sqlite_deliveries import LEASE

_CHILD = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
import msgspec
from shop.kernel.events import Envelope
from shop.platform.bus_local import LocalBus, listen
from shop.platform.storage.port import Layout
from shop.platform.storage.sqlite import SqliteStore

path, role, first, last = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])

async def main():
    clock = lambda: datetime(2026, 11, 23, 4, tzinfo=UTC)
    store = SqliteStore(path, clock=clock)
    await store.open()
    begun = asyncio.Event()

    async def hang(envelope, cause):
        begun.set()
        await asyncio.Event().wait()

    consumers = {"reader": {"parcel.sent": hang}}
    if role == "server":
        await LocalBus(store, clock=clock).start(consumers, {}, alone=False)
    else:
        listen(store, consumers)
    events = [
        Envelope(id=f"evt_{n:06d}", type="parcel.sent", source="/shop/parcels", subject="p", dataschema="urn:x",
                 time="2026-11-23T04:00:00.000000Z", data=msgspec.Raw(b"{}"))
        for n in range(first, last)
    ]
    await store.records(Layout(context="parcels")).commit(events=events)
    if role == "server":
        await begun.wait()
        print("delivering", flush=True)
        await asyncio.sleep(60)
    await store.close()

asyncio.run(main())
"""


@pytest.fixture
def child(tmp_path):
    """Another process on the same store, as `server` or `command`, that sends these parcels."""
    children = []

    def started(role, numbers):
        arguments = [tmp_path / "shop.db", role, str(numbers.start), str(numbers.stop)]
        process = subprocess.Popen([sys.executable, "-c", _CHILD, *map(str, arguments)], stdout=subprocess.PIPE)
        children.append(process)
        return process

    yield started
    for process in children:
        process.kill()
        process.wait()
        process.stdout.close()


async def test_stopping_finishes_what_began_and_leaves_the_rest(store, serve, send, book, hearing, until, rows):
    reader, gate, begun = book(), asyncio.Event(), []

    async def hear(envelope, cause):
        begun.append(envelope.id)
        await gate.wait()
        await reader.hear(envelope, cause)

    bus = await serve(store, hearing(reader=hear))
    events = await send(range(100))
    await until(lambda: len(begun) == 64)
    stopping = asyncio.create_task(bus.stop())
    await asyncio.sleep(0)
    assert not stopping.done()

    gate.set()
    await stopping

    assert reader.heard() == sorted(begun)
    assert len(begun) == 64
    assert [row.owner for row in rows()] == [None] * 36
    late = await send([100])  # committed by what still runs, for the next server too
    assert [row.owner for row in rows()] == [None] * 37
    await serve(store, hearing(reader=hear))
    await until(lambda: not rows())
    assert reader.heard() == [event.id for event in (*events, *late)]
    assert len(reader.called) == 101


@pytest.mark.parametrize("hurried", ["when its time is over", "while it stops", "before it stops"])
async def test_a_reaction_that_does_not_end_is_cut_off_and_left_for_the_next_server(
    store, serve, send, book, hearing, until, rows, hurried
):
    begun, cut_off = asyncio.Event(), asyncio.Event()

    async def hang(_envelope, _cause):
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cut_off.set()

    bus = await serve(store, hearing(reader=hang))
    [event] = await send([1])
    await begun.wait()
    if hurried == "before it stops":
        bus.hurry()
        assert not cut_off.is_set()
    stopping = asyncio.create_task(bus.stop(patience=0.01 if hurried == "when its time is over" else 3600))
    await asyncio.sleep(0)
    if hurried == "while it stops":
        bus.hurry()
    async with asyncio.timeout(5):
        await stopping

    assert cut_off.is_set()
    assert [(row.owner, row.attempts) for row in rows()] == [(None, 0)]
    reader = book()
    await serve(store, hearing(reader=reader.hear))
    await until(lambda: reader.heard() == [event.id] and not rows())


async def test_stopping_does_not_wait_for_a_store_that_is_locked(store, serve, send, book, hearing, until, tmp_path):
    reader = book()
    bus = await serve(store, hearing(reader=reader.hear))
    await send([1])
    await until(reader.heard)
    with closing(sqlite3.connect(tmp_path / "shop.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with capture_logs() as logs:
            async with asyncio.timeout(10):
                await bus.stop()
                await store.close()

    assert [line["event"] for line in logs] == ["deliveries.not_released"]


async def test_what_is_committed_while_stopping_is_for_the_next_server(
    store, serve, send, book, until, rows, records, parcel
):
    gate, begun = asyncio.Event(), asyncio.Event()

    async def tell_on(_envelope, cause):
        begun.set()
        await gate.wait()
        await records.commit(events=[parcel(2, "parcel.told")], consumed=cause.delivery)

    reader = book()
    consumers = {"first": {"parcel.sent": tell_on}, "second": {"parcel.told": reader.hear}}
    bus = await serve(store, consumers)
    await send([1])
    await begun.wait()
    stopping = asyncio.create_task(bus.stop())
    await asyncio.sleep(0)
    gate.set()
    await stopping
    assert [(row.consumer, row.owner) for row in rows()] == [("second", None)]

    await serve(store, consumers)
    await until(reader.heard)


async def test_what_a_command_commits_is_delivered_by_the_server(
    store, open_store, layout, serve, send, book, hearing, until, rows
):
    reader = book()
    consumers = hearing(reader=reader.hear)
    command = await open_store()
    listen(command, consumers)
    await serve(store, consumers)

    events = await send(range(1200), over=command.records(layout))
    await until(lambda: not rows())

    assert reader.heard() == [event.id for event in events]
    assert len(reader.called) == 1200


async def test_what_another_process_commits_is_delivered_by_the_server(store, serve, book, hearing, until, rows, child):
    reader = book()
    await serve(store, hearing(reader=reader.hear))

    process = child("command", range(50))
    assert await asyncio.to_thread(process.wait, 20) == 0
    await until(lambda: not rows())

    assert len(reader.heard()) == len(reader.called) == 50


async def test_the_claims_of_a_killed_server_are_taken_over_at_once_by_one_that_is_alone(
    store, serve, book, hearing, until, rows, child
):
    reader = book()
    process = child("server", range(50))
    assert await asyncio.to_thread(process.stdout.readline) == b"delivering\n"
    process.kill()
    process.wait()
    assert {row.owner is None for row in rows()} == {False}

    await serve(store, hearing(reader=reader.hear), alone=True)
    await until(lambda: not rows())

    assert len(reader.heard()) == len(reader.called) == 50


async def test_the_claims_of_another_server_are_taken_over_when_their_lease_has_run_out(
    store, open_store, layout, serve, send, book, hearing, until, rows, clock
):
    reader = book()
    dead = await open_store()
    listen(dead, hearing(reader=reader.hear))
    dead.owner = "server-dead"
    events = await send(range(700), over=dead.records(layout))
    await serve(store, hearing(reader=reader.hear), alone=False)

    clock.forward(LEASE - timedelta(microseconds=1))
    [own] = await send([9999])
    await until(reader.heard)
    assert reader.heard() == [own.id]

    for _ in range(2):  # a page of claims each
        clock.forward(timedelta(seconds=5))
        await until(lambda: len(reader.called) in {501, 701})
    await until(lambda: len(reader.heard()) == 701, seconds=10)
    assert rows() == []
    assert reader.heard() == [event.id for event in events] + [own.id]


async def test_two_servers_on_one_store_deliver_everything_once_between_them(
    store, open_store, layout, serve, send, book, hearing, until, rows
):
    reader = book()
    other = await open_store()
    other_reader = book("reader", other.records(layout))
    await serve(store, hearing(reader=reader.hear), alone=False)
    await serve(other, hearing(reader=other_reader.hear), alone=False)

    await asyncio.gather(send(range(400)), send(range(400, 800), over=other_reader.records))
    await until(lambda: not rows())

    assert len(reader.heard()) == 800
    assert sorted(reader.called + other_reader.called) == reader.heard()


async def test_a_server_that_is_slower_than_its_lease_does_not_double_the_effect(
    store, open_store, layout, serve, send, book, hearing, until, rows, clock
):
    gate, begun = asyncio.Event(), asyncio.Event()
    slow = book()
    other = await open_store()
    quick = book("reader", other.records(layout))

    async def slowly(envelope, cause):
        begun.set()
        await gate.wait()
        await slow.hear(envelope, cause)

    await serve(store, hearing(reader=slowly), alone=False)
    [event] = await send([1])
    await begun.wait()
    clock.forward(LEASE)
    await serve(other, hearing(reader=quick.hear), alone=False)
    await until(quick.heard)
    gate.set()
    await until(lambda: slow.called)

    assert slow.called == quick.called == [event.id]
    assert slow.heard() == [event.id]
    assert rows() == []
