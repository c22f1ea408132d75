"""The bus of one process: what is committed is delivered, and has its effect once."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from shop.kernel.events import Cause
from shop.platform.bus import Job
from shop.platform.observability import about
from shop.platform.storage.port import Put


async def test_an_event_is_delivered_once_to_each_consumer_that_listens(store, serve, send, book, hearing, until):
    left, right = book("left"), book("right")
    bus = await serve(store, hearing(left=left.hear, right=right.hear))

    events = await send([1])
    await until(bus.idle)

    assert left.called == right.called == [events[0].id]
    assert left.heard() == right.heard() == [events[0].id]


async def test_an_event_that_nobody_listens_to_is_kept_and_delivered_to_nobody(store, serve, send, book, hearing, rows):
    reader = book()
    bus = await serve(store, hearing(reader=reader.hear))

    await send([1], kind="parcel.lost")

    assert bus.idle()
    assert rows() == []
    assert store.file.reader.execute("SELECT type FROM events").fetchall() == [("parcel.lost",)]


async def test_a_reaction_learns_the_event_its_trace_and_its_delivery(store, records, serve, parcel, hearing, until):
    heard = []

    async def hear(envelope, cause):
        heard.append((envelope, cause))

    bus = await serve(store, hearing(reader=hear))
    event = parcel(1)
    traced = type(event)(**{f: getattr(event, f) for f in event.__struct_fields__} | {"traceparent": "00-trace"})
    await records.commit(events=[traced])
    await until(bus.idle)

    [(envelope, cause)] = heard
    assert (envelope.id, envelope.subject, bytes(envelope.data)) == (event.id, event.subject, b"{}")
    assert (cause.id, cause.traceparent) == (event.id, "00-trace")
    assert (cause.delivery.event_id, cause.delivery.consumer) == (event.id, "reader")


async def test_a_delivery_is_handled_in_its_own_name_whoever_has_committed_it(
    store, records, serve, parcel, hearing, until
):
    named, afterwards = [], []

    async def hear(envelope, cause):  # noqa: ARG001 - a reaction is given both
        named.append(about.get())

    watcher = SimpleNamespace(published=lambda _: None, delivered=lambda *_, **__: afterwards.append(about.get()))
    bus = await serve(store, hearing(reader=hear), watcher=watcher)
    request = about.set(Cause(id="req_1"))
    await records.commit(events=[parcel(1)])
    about.reset(request)
    await until(bus.idle)

    assert [(cause.id, cause.delivery.consumer) for cause in named] == [(parcel(1).id, "reader")]
    assert afterwards == [None]


async def test_an_event_is_delivered_only_if_its_commit_held(store, records, serve, parcel, book, hearing, until):
    reader = book()
    bus = await serve(store, hearing(reader=reader.hear))
    await records.commit(puts=[Put(key="parcel/1", body=b"{}", was=0)], events=[parcel(1)])

    with pytest.raises(Exception, match="parcel/1"):
        await records.commit(puts=[Put(key="parcel/1", body=b"{}", was=0)], events=[parcel(2)])
    await until(bus.idle)

    assert reader.called == [parcel(1).id]


async def test_what_a_reaction_publishes_is_delivered_too(store, records, serve, send, parcel, book, until):
    first, second = book("first"), book("second")

    async def tell_on(envelope, cause):
        await records.commit(events=[parcel(int(envelope.id[4:]) + 100, "parcel.told")], consumed=cause.delivery)
        first.called.append(envelope.id)

    bus = await serve(store, {"first": {"parcel.sent": tell_on}, "second": {"parcel.told": second.hear}})
    await send(range(1, 21))
    await until(bus.idle)

    assert sorted(second.heard()) == [parcel(n).id for n in range(101, 121)]


async def test_at_no_moment_is_an_effect_there_and_its_delivery_not_ended(
    store, serve, send, book, hearing, tmp_path, until
):
    reader = book()
    bus = await serve(store, hearing(reader=reader.hear))
    sums = set()

    def look():
        with closing(sqlite3.connect(tmp_path / "shop.db", isolation_level=None)) as other:
            while not done.is_set():
                (both,) = other.execute(
                    "SELECT (SELECT count(*) FROM deliveries) + (SELECT count(*) FROM parcels_documents)"
                ).fetchone()
                sums.add(both)

    done = asyncio.Event()
    looking = asyncio.create_task(asyncio.to_thread(look))
    await send(range(500))
    await until(bus.idle)
    done.set()
    await looking

    assert len(reader.heard()) == 500
    assert sums <= {0, 500}


async def test_a_reaction_that_fails_after_its_commit_has_had_its_effect(
    store, serve, send, book, hearing, until, rows
):
    reader = book()

    async def hear(envelope, cause):
        await reader.hear(envelope, cause)
        raise ValueError("too late to matter")

    bus = await serve(store, hearing(reader=hear))
    [event] = await send([1])
    await until(lambda: reader.heard() and bus.idle())
    await bus.stop()

    assert reader.called == [event.id]
    assert rows() == []


async def test_a_reaction_that_fails_before_its_commit_has_written_nothing(
    store, serve, send, book, hearing, until, rows, clock
):
    reader = book()
    good = asyncio.Event()

    async def hear(envelope, cause):
        if not good.is_set():
            raise ValueError("not today")
        await reader.hear(envelope, cause)

    bus = await serve(store, hearing(reader=hear))
    [event] = await send([1])
    await until(lambda: [row.attempts for row in rows()] == [1])
    assert reader.heard() == []

    good.set()
    clock.forward(timedelta(minutes=1))
    await until(lambda: reader.heard() and bus.idle())
    assert reader.heard() == [event.id]


async def test_the_delivery_of_a_reaction_that_writes_nothing_is_ended(store, serve, send, hearing, until, rows):
    heard = []

    async def hear(envelope, _cause):
        heard.append(envelope.id)

    bus = await serve(store, hearing(reader=hear))
    events = await send(range(100))
    await until(bus.idle)

    assert sorted(heard) == [event.id for event in events]
    assert rows() == []


async def test_a_reaction_that_ends_its_delivery_twice_is_ended_quietly(
    store, serve, send, records, hearing, until, rows
):
    called = []

    async def hear(envelope, cause):
        called.append(envelope.id)
        await records.commit(consumed=cause.delivery)
        await records.commit(puts=[Put(key="second", body=b"{}", was=0)], consumed=cause.delivery)

    with capture_logs() as logs:
        bus = await serve(store, hearing(reader=hear))
        await send([1])
        await until(bus.idle)
        await bus.stop()

    assert len(called) == 1
    assert rows() == []
    assert await records.get("second") is None
    assert logs == []


async def test_deliveries_are_made_side_by_side(store, serve, send, book, hearing, until):
    together = asyncio.Barrier(64)
    reader = book()

    async def hear(envelope, cause):
        await together.wait()  # opens only for 64 at once
        await reader.hear(envelope, cause)

    bus = await serve(store, hearing(reader=hear))
    await send(range(64))
    await until(bus.idle)

    assert len(reader.heard()) == 64


async def test_a_clock_that_is_set_back_a_day_does_not_hold_a_job_up_for_a_day(store, serve, clock, until):
    swept, watched = [], []

    async def sweep(cause):
        swept.append(cause)

    async def watch(_):
        watched.append(clock())

    begun = clock()
    jobs = {"sweep": Job(every=timedelta(minutes=1), run=sweep), "watch": Job(every=timedelta(), run=watch)}
    await serve(store, {}, jobs)
    await until(lambda: watched)
    clock.forward(timedelta(days=-1))
    await until(lambda: watched[-1] < begun)  # the other job was looked at just before this one
    clock.forward(timedelta(minutes=1))

    await until(lambda: swept)


async def test_a_job_is_run_when_its_time_has_come_even_after_it_failed(store, serve, clock, until):
    runs = []

    async def sweep(cause):
        runs.append((cause, clock()))
        if len(runs) == 1:
            raise ValueError("once")

    begun = clock()
    await serve(store, {}, {"sweep": Job(every=timedelta(minutes=5), run=sweep)})
    await asyncio.sleep(0)
    assert runs == []

    with capture_logs() as logs:
        clock.forward(timedelta(minutes=5))
        await until(lambda: len(runs) == 1)
        clock.forward(timedelta(minutes=5))
        await until(lambda: len(runs) == 2)

    assert [at - begun for _, at in runs] == [timedelta(minutes=5), timedelta(minutes=10)]
    assert runs[0][0] == Cause(id="job_sweep")
    assert [line["event"] for line in logs] == ["job.failed"]
