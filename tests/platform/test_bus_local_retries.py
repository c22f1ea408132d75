"""The bus of one process: what fails is tried again on the schedule, and holds nobody up."""

from __future__ import annotations

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from shop.kernel.errors import NotYet, Refusal
from shop.platform.bus import wait_after
from shop.platform.retry import Busy
from shop.platform.storage.port import Conflict, Unavailable

MINUTE = timedelta(minutes=1)


class Poison(Refusal):
    code = "poison"


class Failing:
    """A reaction that raises as often as it is told to."""

    def __init__(self, reader, error, times):
        self.reader, self.error, self.times = reader, error, times
        self.tries = 0

    async def __call__(self, envelope, cause):
        self.tries += 1
        if self.tries <= self.times:
            raise self.error
        await self.reader.hear(envelope, cause)


async def test_a_failing_delivery_is_tried_24_times_in_24_hours_and_is_a_dead_letter_then(
    store, serve, send, book, hearing, until, rows, clock
):
    poison = Failing(book(), Poison("poison"), times=1000)
    bus = await serve(store, hearing(reader=poison))
    begun = clock()
    tried_at = []
    await send([1])

    for attempt in range(1, 24):
        await until(lambda n=attempt: [row.attempts for row in rows()] == [n])
        tried_at.append(clock() - begun)
        [row] = rows()
        assert row.due - clock() == wait_after(attempt)
        assert (row.owner, row.dead, row.error) == (None, None, "Poison: poison")
        assert bus.idle()
        clock.forward(row.due - clock())
    await until(lambda: rows()[0].dead)

    [row] = rows()
    assert (row.attempts, row.dead, row.error) == (24, clock(), "Poison: poison")
    assert poison.tries == 24
    assert clock() - begun == timedelta(hours=24)
    assert tried_at[:8] == [n * MINUTE for n in (0, 1, 3, 7, 15, 31, 63, 144)]


async def test_a_shop_that_gives_up_earlier_has_the_dead_letter_after_so_many_attempts(
    store, serve, send, book, hearing, until, rows, clock
):
    poison = Failing(book(), Poison("poison"), times=1000)
    await serve(store, hearing(reader=poison), attempts=2)
    await send([1])
    await until(lambda: [row.attempts for row in rows()] == [1])

    clock.forward(MINUTE)
    await until(lambda: rows()[0].dead)

    assert (poison.tries, rows()[0].attempts) == (2, 2)


async def test_a_dead_letter_is_not_delivered_again_by_itself(store, serve, send, book, hearing, until, rows, clock):
    reader = book()
    poison = Failing(reader, Poison("poison"), times=1)
    bus = await serve(store, hearing(reader=poison))
    await send([2])
    await until(lambda: [row.attempts for row in rows()] == [1])
    await store.file.write(lambda c: c.execute("UPDATE deliveries SET attempts = 23"))

    poison.times = 2
    clock.forward(MINUTE)
    await until(lambda: rows()[0].dead)
    clock.forward(timedelta(days=30))
    await send([3])
    await until(reader.heard)

    assert reader.heard() == ["evt_000003"]
    assert bus.idle()
    assert len(rows()) == 1


async def test_a_poisoned_event_does_not_hold_up_the_others(store, serve, send, book, hearing, until, rows):
    reader = book()

    async def hear(envelope, cause):
        if int(envelope.id[4:]) % 10 == 0:
            raise Poison("poison")
        await reader.hear(envelope, cause)

    bus = await serve(store, hearing(reader=hear))
    await send(range(300))
    await until(bus.idle)

    assert len(reader.heard()) == 270
    assert {(row.attempts, row.error) for row in rows()} == {(1, "Poison: poison")}
    assert len(rows()) == 30


async def test_a_consumer_that_fails_does_not_hold_up_another(store, serve, send, book, hearing, until, rows, clock):
    left, right = book("left"), book("right")
    bus = await serve(store, hearing(left=Failing(left, ValueError("no"), times=1), right=right.hear))

    [event] = await send([1])
    await until(bus.idle)
    assert (left.heard(), right.heard()) == ([], [event.id])

    clock.forward(MINUTE)
    await until(lambda: left.heard() and bus.idle())
    assert (left.called, right.called) == ([event.id], [event.id])
    assert rows() == []


@pytest.mark.parametrize(
    ("error", "told"),
    [(NotYet("wait for the order"), []), (ValueError("broken"), ["delivery.failed"])],
    ids=["not yet", "failure"],
)
async def test_a_fact_that_comes_too_early_is_retried_without_a_warning(
    store, serve, send, book, hearing, until, rows, clock, error, told
):
    reader = book()
    with capture_logs() as logs:
        bus = await serve(store, hearing(reader=Failing(reader, error, times=1)))
        [event] = await send([1])
        await until(lambda: [row.attempts for row in rows()] == [1])
        assert rows()[0].due == clock() + MINUTE
        clock.forward(MINUTE)
        await until(lambda: reader.heard() and bus.idle())

    assert reader.heard() == [event.id]
    assert [line["event"] for line in logs] == told


async def test_a_conflict_is_run_again_at_once(store, serve, send, book, hearing, until, rows):
    reader = book()
    contended = Failing(reader, Conflict(["account/c1"]), times=4)
    bus = await serve(store, hearing(reader=contended))

    [event] = await send([1])
    await until(lambda: reader.heard() and bus.idle())

    assert contended.tries == 5
    assert reader.heard() == [event.id]
    assert rows() == []


async def test_what_conflicts_again_and_again_is_left_for_a_minute(
    store, serve, send, book, hearing, until, rows, clock
):
    reader = book()
    contended = Failing(reader, Busy("others change this"), times=1)  # what is raised after many conflicts
    bus = await serve(store, hearing(reader=contended))

    await send([1])
    await until(lambda: [row.attempts for row in rows()] == [1])
    assert (rows()[0].error, rows()[0].due) == ("Busy: others change this", clock() + MINUTE)

    clock.forward(MINUTE)
    await until(lambda: reader.heard() and bus.idle())
    assert rows() == []


async def test_a_reaction_that_finds_the_store_out_of_reach_is_tried_again(
    store, serve, send, book, hearing, until, rows, clock
):
    reader = book()
    bus = await serve(store, hearing(reader=Failing(reader, Unavailable("throttled"), times=2)))

    await send([1])
    for attempt in (1, 2):
        await until(lambda n=attempt: [row.attempts for row in rows()] == [n])
        clock.forward(wait_after(attempt))
    await until(lambda: reader.heard() and bus.idle())

    assert len(reader.called) == 1


async def test_a_consumer_that_no_longer_listens_does_not_lose_its_delivery(
    store, serve, send, book, hearing, until, rows, clock
):
    reader = book()
    store.routes = {"parcel.sent": ("reader",)}
    await send([1])

    bus = await serve(store, {"reader": {}})
    await until(lambda: [row.attempts for row in rows()] == [1])
    assert "reader has no reaction to parcel.sent" in rows()[0].error
    await bus.stop()
    clock.forward(MINUTE)
    bus = await serve(store, hearing(reader=reader.hear))
    await until(lambda: reader.heard() and bus.idle())

    assert len(reader.called) == 1


async def test_the_reason_of_a_failure_is_kept_short(store, serve, send, book, hearing, until, rows):
    await serve(store, hearing(reader=Failing(book(), Poison("x" * 100_000), times=9)))

    await send([1])
    await until(lambda: [row.attempts for row in rows()] == [1])

    assert len(rows()[0].error) == 1000
