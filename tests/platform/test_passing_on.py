"""Passing on what a server commits: at once and once, in groups, and what cannot be is left to the sweep."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from structlog.testing import capture_logs

from shop.kernel.events import Cause
from shop.platform.observability import about
from shop.platform.passing_on import PassingOn


class Bus:
    """Takes what is published, while its gate is open; fails as often as it is told."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.taken: Counter[str] = Counter()
        self.gate = asyncio.Event()
        self.gate.set()
        self.under_way = self.most_under_way = 0
        self.failures = 0

    async def publish(self, events) -> None:
        self.calls.append([event.id for event in events])
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self.gate.wait()
            if self.failures:
                self.failures -= 1
                raise ConnectionError("out of reach")
            self.taken.update(event.id for event in events)
        finally:
            self.under_way -= 1


@pytest.fixture
def bus():
    return Bus()


@pytest.fixture
async def passing_on(bus):
    made = PassingOn(bus.publish)
    yield made
    bus.gate.set()
    await made.stop(patience=5)


async def test_what_is_committed_is_published_once(bus, passing_on, parcel, until):
    for n in range(1000):
        passing_on.committed([parcel(n)])
        if n % 7 == 0:
            await asyncio.sleep(0)
    await until(lambda: len(bus.taken) == 1000)

    assert set(bus.taken.values()) == {1}


async def test_it_is_done_in_nobodys_name(bus, passing_on, parcel, until):
    named = []
    bus.publish, publish = None, bus.publish
    passing_on._publish = lambda events: named.append(about.get()) or publish(events)
    before = about.set(Cause(id="req_1"))
    passing_on.committed([parcel(1)])
    about.reset(before)
    await until(lambda: bus.taken)

    assert named == [None]


async def test_the_events_of_a_commit_go_together(bus, passing_on, parcel, until):
    passing_on.committed([parcel(1), parcel(2), parcel(3)])
    await until(lambda: bus.taken)

    assert bus.calls == [["evt_000001", "evt_000002", "evt_000003"]]


async def test_a_commit_without_events_asks_nobody(bus, passing_on):
    passing_on.committed([])
    await asyncio.sleep(0)

    assert bus.calls == []


async def test_what_comes_while_calls_are_under_way_goes_in_few_further_ones(bus, passing_on, parcel, until):
    bus.gate.clear()
    for n in range(8):
        passing_on.committed([parcel(n)])
        await asyncio.sleep(0)
    for n in range(8, 408):
        passing_on.committed([parcel(n)])
        await asyncio.sleep(0)
    assert [len(call) for call in bus.calls] == [1] * 8

    bus.gate.set()
    await until(lambda: len(bus.taken) == 408)

    assert [len(call) for call in bus.calls] == [1] * 8 + [100] * 4
    assert bus.most_under_way == 8


async def test_what_comes_in_the_very_turn_in_which_all_calls_end_is_not_left_lying(passing_on, bus, parcel, until):
    bus.gate.clear()
    for n in range(8):
        passing_on.committed([parcel(n)])
        await asyncio.sleep(0)

    bus.gate.set()
    await asyncio.sleep(0)  # in which all eight find nothing more to do
    passing_on.committed([parcel(8)])

    await until(lambda: len(bus.taken) == 9)


async def test_what_cannot_be_published_is_left_to_the_sweep_and_said(bus, passing_on, parcel, until):
    bus.failures = 1
    with capture_logs() as logs:
        passing_on.committed([parcel(1), parcel(2)])
        await until(lambda: logs)
        passing_on.committed([parcel(3)])
        await until(lambda: bus.taken)

    assert [(line["event"], line["log_level"], line["count"]) for line in logs] == [
        ("events.left_to_the_sweep", "warning", 2)
    ]
    assert "ConnectionError" in logs[0]["reason"]
    assert set(bus.taken) == {"evt_000003"}


async def test_while_too_many_wait_the_rest_is_left_to_the_sweep_and_said_once(bus, passing_on, parcel, until):
    bus.gate.clear()
    with capture_logs() as logs:
        for n in range(8):
            passing_on.committed([parcel(n)])
            await asyncio.sleep(0)
        for n in range(8, 11_008):
            passing_on.committed([parcel(n)])
        bus.gate.set()
        await until(lambda: len(bus.taken) == 10_008 and not bus.under_way)
        passing_on.committed([parcel(20_000)])
        await until(lambda: len(bus.taken) == 10_009)

    assert [(line["event"], line["count"]) for line in logs] == [("events.left_to_the_sweep", 1_000)]


async def test_asked_to_stop_it_finishes_what_has_come(bus, parcel):
    passing_on = PassingOn(bus.publish)
    bus.gate.clear()
    for n in range(300):
        passing_on.committed([parcel(n)])
    stopping = asyncio.create_task(passing_on.stop(patience=5))
    await asyncio.sleep(0)
    bus.gate.set()
    await stopping

    assert len(bus.taken) == 300


async def test_at_the_end_of_its_patience_it_stops_all_the_same(bus, parcel):
    passing_on = PassingOn(bus.publish)
    bus.gate.clear()
    passing_on.committed([parcel(1)])
    await asyncio.sleep(0)

    await passing_on.stop(patience=0)

    assert bus.under_way == 0
    assert not bus.taken


async def test_stopping_when_there_is_nothing_is_done_at_once(bus):
    await PassingOn(bus.publish).stop(patience=60)
