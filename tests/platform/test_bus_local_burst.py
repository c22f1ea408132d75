"""The bus of one process, in a burst: answering comes before beginning anything new, but not for long."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from shop.platform import bus_local
from shop.platform.bus_local import LocalBus, listen

SECOND = timedelta(seconds=1)


@pytest.fixture
async def patient(store, clock, hearing, book):
    """A bus on which a parcel that is sent may wait; what was heard of it."""
    reader = book()
    bus = LocalBus(store, clock=clock, may_wait=frozenset({"parcel.sent"}))
    await bus.start(hearing(reader=reader.hear), {}, alone=True)
    yield reader
    store.requests = 0
    await bus.stop()


async def looked_again() -> None:
    """Longer than the bus takes to look whether the crowd is gone."""
    await asyncio.sleep(bus_local._LOOK_AGAIN * 4)


async def test_what_may_wait_waits_while_many_requests_do(store, send, patient, clock, until):
    store.requests = bus_local._CROWD
    await send(range(3))
    clock.forward(SECOND)
    await looked_again()
    assert patient.heard() == []

    store.requests = bus_local._CROWD - 1
    await until(lambda: len(patient.heard()) == 3)


async def test_nothing_waits_longer_than_two_seconds(store, send, patient, clock, until):
    store.requests = bus_local._CROWD
    early = await send([1])
    clock.forward(SECOND)
    await send([2])
    await looked_again()
    assert patient.heard() == []

    clock.forward(SECOND)
    await until(lambda: patient.heard() == [early[0].id])
    await looked_again()
    assert patient.heard() == [early[0].id]


async def test_what_may_not_wait_does_not(store, send, serve, hearing, book, until):
    reader = book()
    await serve(store, hearing(reader=reader.hear))
    store.requests = bus_local._CROWD

    await send(range(3))

    await until(lambda: len(reader.heard()) == 3)
    store.requests = 0


async def test_what_was_put_off_when_the_server_stopped_is_done_by_the_next(
    store, open_store, send, serve, hearing, book, clock, until
):
    first, second = book(), book()
    bus = LocalBus(store, clock=clock, may_wait=frozenset({"parcel.sent"}))
    await bus.start(hearing(reader=first.hear), {}, alone=True)
    store.requests = bus_local._CROWD
    events = await send(range(3))

    await bus.stop()
    await serve(await open_store(), hearing(reader=second.hear))

    await until(lambda: len(second.heard()) == 3)
    assert first.called == []
    assert second.heard() == [event.id for event in events]


async def test_an_event_that_cannot_be_read_is_buried_and_holds_nobody_up(
    store, send, serve, hearing, book, until, rows
):
    reader = book()
    listen(store, hearing(reader=reader.hear))
    [bad, good] = await send([1, 2])
    await store.file.write(lambda c: c.execute("UPDATE events SET body = '{}' WHERE id = ?", (bad.id,)).rowcount)

    await serve(store, hearing(reader=reader.hear))

    await until(lambda: reader.heard() == [good.id])
    await until(lambda: [row.dead is not None for row in rows()] == [True])
    assert "cannot be read" in rows()[0].error


async def test_what_a_caller_committed_who_then_went_away_is_delivered_at_once(
    store, records, parcel, serve, hearing, book, until
):
    reader = book()
    await serve(store, hearing(reader=reader.hear))
    caller = asyncio.create_task(records.commit(events=[parcel(1)]))
    await asyncio.sleep(0)

    caller.cancel()

    await until(lambda: reader.heard() == [parcel(1).id])  # the clock stands still: no claim runs out
    assert caller.cancelled()
