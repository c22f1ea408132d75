"""The bus of one process: more than it holds in memory, more than it can do, and a store that goes away."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from shop.platform.bus_local import Overloaded, listen
from shop.platform.storage.port import Unavailable
from shop.platform.storage.sqlite_deliveries import LEASE

MANY = 10_700  # a bus keeps 10,000 in memory


class Fragile:
    """A store's file that is out of reach while it is down."""

    def __init__(self, file):
        self._file = file
        self.down = False
        self.refused = {"reads": 0, "writes": 0}

    def read(self, query):
        if self.down:
            self.refused["reads"] += 1
            raise Unavailable("the store cannot be read: disk I/O error")
        return self._file.read(query)

    async def write(self, unit, **more):
        if self.down:
            self.refused["writes"] += 1
            raise Unavailable("the disk is full")
        return await self._file.write(unit, **more)

    def __getattr__(self, name):
        return getattr(self._file, name)


@pytest.fixture
async def fragile(store):
    """The store's file, fragile from now on; it is up again in the end."""
    store.file = Fragile(store.file)
    yield store.file
    store.file.down = False


async def test_more_than_fit_in_memory_are_all_delivered_once(store, serve, send, book, hearing, until, rows):
    gate, reader = asyncio.Event(), book()

    async def hear(envelope, cause):
        await gate.wait()
        await reader.hear(envelope, cause)

    bus = await serve(store, hearing(reader=hear))
    events = await send(range(MANY))
    assert len(bus._queue) == 10_000

    gate.set()
    await until(lambda: len(reader.called) >= MANY, seconds=20)
    await until(bus.idle)
    assert reader.heard() == [event.id for event in events]
    assert len(reader.called) == MANY
    assert rows() == []


async def test_a_retry_is_not_forgotten_beside_a_queue_that_is_longer_than_memory(
    store, serve, send, book, hearing, until, rows, clock
):
    permits, reader = asyncio.Semaphore(0), book()

    async def hear(envelope, cause):
        if not envelope.id.endswith("99999"):
            await permits.acquire()
        elif not rows()[0].attempts:
            raise ValueError("not today")
        await reader.hear(envelope, cause)

    bus = await serve(store, hearing(reader=hear))
    [failed] = await send([99_999])
    await until(lambda: rows()[0].attempts == 1)
    clock.forward(timedelta(seconds=30))
    await send(range(MANY))
    clock.forward(timedelta(seconds=30))
    for _ in range(1000):  # the queue is short enough then for the server to look for retries
        permits.release()
    await until(lambda: len(reader.called) >= 1000 and rows()[0].owner)

    for _ in range(MANY):
        permits.release()
    await until(lambda: len(set(reader.called) - {failed.id}) == MANY, seconds=20)
    await until(bus.idle, seconds=2)
    assert failed.id in reader.heard()
    assert len(reader.called) == MANY + 1


async def test_nothing_more_is_accepted_when_deliveries_wait_longer_than_30_seconds(
    store, serve, send, book, hearing, until, clock
):
    gate, begun, reader = asyncio.Event(), [], book()

    async def hear(envelope, cause):
        begun.append(envelope.id)
        await gate.wait()
        await reader.hear(envelope, cause)

    bus = await serve(store, hearing(reader=hear))
    await send(range(65))
    await until(lambda: len(begun) == 64)

    clock.forward(timedelta(seconds=30))
    bus.admit()
    clock.forward(timedelta(microseconds=1))
    with pytest.raises(Overloaded) as refused:
        bus.admit()

    assert (refused.value.code, refused.value.retry_after) == ("overloaded", 5)
    gate.set()
    await until(bus.idle)
    bus.admit()


async def test_a_store_that_is_out_of_reach_for_a_moment_loses_nothing(
    store, fragile, serve, send, book, hearing, until, rows, clock
):
    reader = book()

    async def hear(envelope, cause):
        if fragile.down:
            raise Unavailable("the disk is full")
        await reader.hear(envelope, cause)
        if not fragile.refused["writes"]:
            fragile.down = True

    bus = await serve(store, hearing(reader=hear))
    events = await send(range(200))
    await until(lambda: fragile.refused["writes"] >= 100)
    fragile.down = False
    assert len(reader.called) < 200

    clock.forward(LEASE + timedelta(minutes=1))
    await until(bus.idle)

    assert reader.heard() == [event.id for event in events]
    assert rows() == []


async def test_a_server_goes_on_looking_after_a_read_has_failed(
    store, open_store, layout, fragile, serve, send, book, hearing, until
):
    reader = book()
    command = await open_store()
    listen(command, hearing(reader=reader.hear))
    bus = await serve(store, hearing(reader=reader.hear))
    await send([1], over=command.records(layout))
    await until(lambda: len(reader.called) == 1)
    fragile.down = True
    await until(lambda: fragile.refused["reads"])

    fragile.down = False
    await send([2], over=command.records(layout))
    await until(lambda: len(reader.called) == 2, seconds=2)
    await until(bus.idle)
