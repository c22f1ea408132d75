"""The feed of events: what was committed, in that order, whoever commits and whoever asks meanwhile."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from itertools import count

import pytest

from shop.kernel.events import Envelope
from shop.platform.feed import FeedApi
from shop.platform.storage.sqlite_log import SqliteLog

TYPES = ("parcel.lost", "parcel.sent")
_CHILD = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
import msgspec
from shop.kernel.events import Envelope
from shop.platform.storage.port import Layout
from shop.platform.storage.sqlite import SqliteStore

async def main():
    store = SqliteStore(Path(sys.argv[1]), clock=lambda: datetime(2026, 11, 23, 4, tzinfo=UTC))
    await store.open()
    records = store.records(Layout(context="parcels"))
    for n in range(100):
        event = Envelope(id=f"evt_child_{n}", type="parcel.sent", source="/shop/parcels", subject="p",
                         time="2026-11-23T04:00:00.000000Z", dataschema="urn:x", data=msgspec.Raw(b"{}"))
        await records.commit(events=[event])
    await store.close()

asyncio.run(main())
"""


@pytest.fixture
def reader(store, client_of, tokens):
    """A client that may read the feed."""
    client = client_of(*FeedApi(log=SqliteLog(store.file), types=TYPES).routes())
    token = tokens.sign(subject="accountant", role="staff", lifetime=timedelta(hours=1))
    client.headers["Authorization"] = f"Bearer {token}"
    return client


@pytest.fixture
def read(reader):
    async def page(**asked):
        answer = await reader.get("/events", params=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return page


def ids(page):
    return [event["id"] for event in page["data"]]


async def test_events_are_given_as_cloudevents_in_the_order_of_their_commits(read, send):
    events = [*await send([3, 1]), *await send([2])]

    page = await read()

    assert ids(page) == [event.id for event in events]
    assert page["data"][0] == {
        "specversion": "1.0", "id": "evt_000003", "type": "parcel.sent", "source": "/shop/parcels",
        "subject": "parcel_3", "time": "2026-11-23T04:00:00.000000Z", "dataschema": "urn:shop:parcel.sent:1",
        "datacontenttype": "application/json", "data": {},
    }  # fmt: skip
    assert page["missing"] is False


async def test_there_is_always_a_cursor_and_a_link_only_while_there_is_more(reader, send):
    empty = await reader.get("/events")
    await send(range(5))
    first = await reader.get("/events", params={"after": empty.json()["nextCursor"], "limit": 3, "type": "parcel.sent"})
    second = await reader.get(first.links["next"]["url"])
    third = await reader.get("/events", params={"after": second.json()["nextCursor"]})
    await send([7])
    fourth = await reader.get("/events", params={"after": third.json()["nextCursor"]})

    assert [len(one.json()["data"]) for one in (empty, first, second, third, fourth)] == [0, 3, 2, 0, 1]
    assert [bool(one.links) for one in (empty, first, second, third, fourth)] == [False, True, False, False, False]
    assert {one.headers["cache-control"] for one in (empty, first, second)} == {"private, no-store"}


async def test_types_are_repeated_or_with_commas_between(read, send):
    await send([1, 2])
    await send([3], kind="parcel.lost")

    lost, both, again = (
        await read(type="parcel.lost"), await read(type="parcel.lost, parcel.sent"), await read(type=TYPES)
    )  # fmt: skip

    assert ids(lost) == ["evt_000003"]
    assert ids(both) == ids(again) == ["evt_000001", "evt_000002", "evt_000003"]


async def test_a_cursor_of_one_type_goes_on_with_another(read, send):
    await send([1])
    nothing = await read(type="parcel.lost")
    await send([2], kind="parcel.lost")

    assert ids(nothing) == []
    assert ids(await read(after=nothing["nextCursor"])) == ["evt_000002"]


@pytest.mark.parametrize("asked", ["parcel.gone", "parcel.sent,", ""])
async def test_an_unknown_type_is_refused_with_those_that_there_are(reader, asked):
    answer = await reader.get("/events", params={"type": asked})

    assert (answer.status_code, answer.json()["code"]) == (422, "no-such-event-type")
    assert answer.json()["types"] == list(TYPES)
    assert "parcel.lost, parcel.sent" in answer.json()["detail"]


@pytest.mark.parametrize("after", ["rubbish", "", "WyJldmVudHMiXSxbLTEsIiJd"])
async def test_what_is_no_cursor_is_refused(reader, after):
    answer = await reader.get("/events", params={"after": after})

    assert (answer.status_code, answer.json()["code"]) == (422, "foreign-cursor")


async def test_a_cursor_is_refused_by_a_store_that_does_not_have_what_was_read(reader, read, send, store, parcel):
    await send(range(3))
    behind_two = (await read(limit=2))["nextCursor"]
    behind_three = (await read())["nextCursor"]
    restored = parcel(9)

    def restore(connection):
        """As a backup of when there was one event, after which another one came."""
        connection.execute("DELETE FROM events WHERE seq > 1")
        connection.execute("UPDATE sqlite_sequence SET seq = 1 WHERE name = 'events'")
        body = b'{"id": "evt_000009"}'
        connection.execute(
            "INSERT INTO events (id, type, body, at) VALUES (?, ?, ?, 0)", (restored.id, restored.type, body)
        )

    await store.file.write(restore)

    for cursor in (behind_two, behind_three):
        answer = await reader.get("/events", params={"after": cursor})
        assert (answer.status_code, answer.json()["code"]) == (422, "foreign-cursor")
    assert ids(await read()) == ["evt_000000", "evt_000009"]


async def test_a_page_looks_at_so_many_events_only_and_says_that_there_are_more(reader, send):
    await send(range(10_001))
    await send([20_000], kind="parcel.lost")

    first = await reader.get("/events", params={"type": "parcel.lost"})
    second = await reader.get(first.links["next"]["url"])

    assert ids(first.json()) == []
    assert ids(second.json()) == ["evt_020000"]


async def test_a_page_is_not_larger_than_it_may_be(read, records, parcel):
    for n in range(12):
        event = parcel(n)
        large = {name: getattr(event, name) for name in event.__struct_fields__} | {"subject": "x" * 200_000}
        await records.commit(events=[Envelope(**large)])

    page = await read()

    assert len(page["data"]) == 11
    assert ids(await read(after=page["nextCursor"])) == ["evt_000011"]


async def test_who_polls_while_sixteen_write_and_another_process_too_misses_nothing_and_sees_the_order_of_commits(
    read, store, records, parcel, tmp_path
):
    moments, begun, acknowledged = count(), {}, {}
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", _CHILD, str(tmp_path / "shop.db"))

    async def write(writer):
        for n in range(25):
            event = parcel(writer * 100 + n)
            begun[event.id] = next(moments)
            await records.commit(events=[event])
            acknowledged[event.id] = next(moments)
        while child.returncode is None:  # beside the other process, to its end
            event = parcel(next(moments) + 100_000)
            begun[event.id] = next(moments)
            await records.commit(events=[event])
            acknowledged[event.id] = next(moments)

    writers = [asyncio.create_task(write(writer)) for writer in range(16)]
    seen, after = [], {}
    async with asyncio.timeout(60):
        while True:
            done = all(writer.done() for writer in writers)
            page = await read(limit=7, **after)
            seen += ids(page)
            after = {"after": page["nextCursor"]}
            if done and not page["data"]:
                break
    await asyncio.gather(*writers)

    assert child.returncode == 0
    assert seen == [one for (one,) in store.file.reader.execute("SELECT id FROM events ORDER BY seq")]
    assert len(set(seen)) == len(seen) == len(acknowledged) + 100
    latest = -1
    for one in filter(acknowledged.__contains__, seen):
        assert acknowledged[one] > latest, f"{one} was acknowledged before one that is told earlier had begun"
        latest = max(latest, begun[one])
