"""The stream remembers what became of events, and tells those who look on."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import pytest
from msgspec import structs

from shop.platform.console.stream import Stream


@pytest.fixture
def stream(clock):
    return Stream(clock=clock, kept=500)


def _told(stream, since=0):
    return [(moment.what, moment.event.id, moment.consumer) for moment in stream.since(since)]


async def test_what_becomes_of_an_event_is_told_in_the_order_in_which_it_happened(stream, parcel):
    event = parcel(1)
    stream.committed([event])
    stream.published([event])
    stream.failed(event, consumer="left", attempts=1, wait=timedelta(minutes=1), reason="Poison: poison")
    stream.delivered(event, consumer="right", attempts=1)
    stream.failed(event, consumer="left", attempts=2, wait=None, reason="Poison: poison")
    stream.replayed(event, consumer="left")

    whats = [(moment.what, moment.consumer, moment.again_in) for moment in stream.since(0)]
    assert whats == [
        ("committed", None, None), ("published", None, None), ("failed", "left", 60.0), ("delivered", "right", None),
        ("dead", "left", None), ("replayed", "left", None),
    ]  # fmt: skip


async def test_who_asks_again_is_told_what_is_new_only(stream, parcel):
    stream.committed([parcel(1), parcel(2)])
    [*_, last] = stream.since(0)
    stream.committed([parcel(3)])

    assert _told(stream, last.n) == [("committed", parcel(3).id, None)]
    assert _told(stream, stream.since(0)[-1].n) == []


async def test_of_very_many_the_newest_are_told_and_the_gap_can_be_seen(stream, parcel):
    stream.committed([parcel(0)])
    [first] = stream.since(0)
    stream.committed([parcel(n) for n in range(1, 1001)])

    told = stream.since(first.n)

    assert [moment.event.id for moment in told] == [parcel(n).id for n in range(701, 1001)]
    assert told[0].n - first.n == 701


async def test_a_server_that_follows_another_goes_on_counting(clock, parcel):
    before = Stream(clock=clock)
    before.committed([parcel(n) for n in range(50)])
    last = before.since(0)[-1].n
    clock.forward(timedelta(seconds=1))
    after = Stream(clock=clock)
    after.committed([parcel(99)])

    assert _told(after, last) == [("committed", parcel(99).id, None)]


async def test_a_clock_that_was_set_back_hides_nothing(clock, parcel):
    before = Stream(clock=clock)
    before.committed([parcel(1)])
    last = before.since(0)[-1].n
    clock.forward(-timedelta(hours=1))
    after = Stream(clock=clock)
    after.committed([parcel(2)])

    assert _told(after, last) == [("committed", parcel(2).id, None)]


async def test_who_looks_on_hears_at_once_and_at_the_end(stream, parcel):
    async with asyncio.timeout(5):
        looking_on = [asyncio.create_task(stream.news(after=stream_end(stream), within=60)) for _ in range(3)]
        await asyncio.sleep(0)
        stream.committed([parcel(1)])
        await asyncio.gather(*looking_on)
        again = asyncio.create_task(stream.news(after=stream_end(stream), within=60))
        await asyncio.sleep(0)
        stream.end()
        await again

    assert stream.ended


async def test_a_moment_is_json_and_tells_no_data_of_the_event(stream, parcel):
    stream.failed(parcel(1), consumer="left", attempts=3, wait=timedelta(minutes=4), reason="OSError")

    [told] = msgspec.json.decode(msgspec.json.encode(stream.since(0)))

    assert told.pop("n") > 0
    assert told.pop("at").endswith("Z")
    event = parcel(1)
    assert told.pop("event") == {
        "id": event.id, "type": event.type, "source": event.source, "subject": event.subject, "time": event.time,
    }  # fmt: skip
    assert told == {"what": "failed", "consumer": "left", "attempts": 3, "againIn": 240.0, "reason": "OSError"}


async def test_an_event_that_names_an_order_in_its_data_is_found_by_it(stream, parcel):
    stream.committed([structs.replace(parcel(1), data=msgspec.Raw(b'{"customerId": "ada", "orderId": "ord_1"}'))])

    [told] = msgspec.json.decode(msgspec.json.encode(stream.since(0)))
    assert told["event"]["orderId"] == "ord_1"
    assert "ada" not in str(told)


async def test_long_data_is_not_kept(stream, parcel):
    lines = b'{"lines": [' + b",".join([b"1"] * 10_000) + b"]}"
    stream.committed([structs.replace(parcel(n), data=msgspec.Raw(lines)) for n in range(500)])

    assert sum(len(event.data) for _, _, event, *_ in stream._kept) == 500 * len(b"{}")
    assert len(stream.since(0)) == 300


async def test_what_came_before_somebody_asked_for_news_is_news(stream, parcel):
    last = stream_end(stream)
    stream.committed([parcel(1)])

    async with asyncio.timeout(5):
        await stream.news(after=last, within=60)


def stream_end(stream):
    """The number of the last moment."""
    return stream._n - 1
