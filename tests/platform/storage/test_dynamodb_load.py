"""Many clients of the DynamoDB engine at once."""

from __future__ import annotations

import asyncio
import random

import msgspec
import pytest

from shop.kernel.events import Envelope
from shop.platform.storage.dynamodb_schema import OUTBOXES
from shop.platform.storage.port import Change, Conflict, Counts, Layout, NotEnough, Put

pytestmark = pytest.mark.aws

LAYOUT = Layout(context="parcels", indexes={"sender": 1, "status": 8}, words={"name": 1})
CLIENTS, EACH = 16, 8


def event(name):
    return Envelope(id=name, type="t", source="/s", subject="s", time="t", dataschema="d", data=msgspec.Raw(b"{}"))


@pytest.fixture
def records(dynamo):
    return dynamo.records(LAYOUT)


async def replaced(records, key, *, by, name):
    """Read, add, put, until nobody was in between; and how often somebody was."""
    for conflicts in range(1000):
        stored = await records.get(key)
        total = int(stored.body) + by
        put = Put(
            key=key,
            body=b"%d" % total,
            was=stored.version,
            indexes={"status": (f"{total % 3}", f"{total:09}")},
            words={"name": f"total{total} of {name}"},
        )
        try:
            await records.commit(
                puts=[put], changes=[Change(key="added/1", by={"n": by})], events=[event(f"evt_{name}")]
            )
        except Conflict:
            await asyncio.sleep(random.random() * 0.1)
        else:
            return conflicts
    raise AssertionError("a thousand conflicts")


async def test_16_clients_lose_no_update_and_there_is_an_event_for_each(dynamo, records):
    await records.commit(puts=[Put(key="sum/1", body=b"0", was=0)])

    async def client(number):
        return [await replaced(records, "sum/1", by=1, name=f"{number}x{n}") for n in range(EACH)]

    conflicts = await asyncio.gather(*(client(number) for number in range(CLIENTS)))

    writes = CLIENTS * EACH
    stored = await records.get("sum/1")
    assert (stored.body, stored.version) == (b"%d" % writes, writes + 1)
    assert await records.counts(["added/1"]) == {"added/1": Counts(writes, {"n": writes})}
    assert len(dynamo.outbox()) == len({one["sk"]["S"] for one in dynamo.outbox()}) == writes
    assert {one["pk"]["S"] for one in dynamo.outbox()} == {f"outbox#{n}" for n in range(OUTBOXES)}
    assert sum(map(sum, conflicts)) > 0
    assert [one.key for one in (await records.find("status", f"{writes % 3}")).found] == ["sum/1"]
    for other in (1, 2):
        assert (await records.find("status", f"{(writes + other) % 3}")).found == []
    assert [one.key for one in (await records.search([f"total{writes}"])).found] == ["sum/1"]
    assert (await records.search([f"total{writes - 1}"])).found == []


async def test_16_clients_take_from_a_counter_what_there_is_and_no_more(dynamo, records):
    await records.commit(puts=[Put(key="filled/1", body=b"{}", was=0)], changes=[Change(key="stock/1", by={"n": 100})])

    async def client(number):
        taken = 0
        for n in range(EACH):
            sale, name = Put(key=f"sale/{number}/{n}", body=b"{}", was=0), f"evt_{number}x{n}"
            try:
                await records.commit(puts=[sale], changes=[Change(key="stock/1", by={"n": -1})], events=[event(name)])
            except NotEnough:
                continue
            taken += 1
        return taken

    taken = await asyncio.gather(*(client(number) for number in range(CLIENTS)))

    assert sum(taken) == 100 == len(dynamo.outbox())
    assert await records.counts(["stock/1"]) == {"stock/1": Counts(101, {"n": 0})}
