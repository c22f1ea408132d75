"""Every engine counts what is written by how it ended, and times it."""

from __future__ import annotations

import asyncio
import time

import pytest

from shop.kernel.events import Envelope
from shop.platform.figures import Figures
from shop.platform.storage.port import AlreadyConsumed, Change, Conflict, NotEnough, Put, TooMuch
from shop.platform.storage.writes import of_writes

HERE = ("parcels",)


@pytest.fixture
def counted(engine):
    figures = Figures()
    figures.also(of_writes(engine.store.writes))

    def read(name):
        return {
            labels: getattr(value, "buckets", value) for metric, labels, value in figures.read() if metric.name == name
        }

    return read


def doc(key, was=0):
    return Put(key=key, body=b"{}", was=was)


async def test_each_write_is_counted_by_how_it_ended(records, deliver, counted):
    sent = Envelope(
        id="evt_1", type="parcel.sent", source="/s", subject="s", time="t", dataschema="d", data={"name": "cup"}
    )
    once, _ = await deliver(sent)
    await records.commit(puts=[doc("a")], changes=[Change(key="stock", by={"n": 1})])
    await records.commit(puts=[doc("b")], consumed=once)
    with pytest.raises(AlreadyConsumed):
        await records.commit(puts=[doc("d")], consumed=once)
    with pytest.raises(Conflict):
        await records.commit(puts=[doc("a")])
    with pytest.raises(NotEnough):
        await records.commit(puts=[doc("c")], changes=[Change(key="stock", by={"n": -2})])
    with pytest.raises(TooMuch):
        await records.commit(puts=[doc(f"many-{n}") for n in range(records.limit + 1)])

    writes = counted("shop_writes")
    assert writes.pop(("senders", "committed")) == 1
    assert writes == {
        (*HERE, "committed"): 2,
        (*HERE, "already-consumed"): 1,
        (*HERE, "conflict"): 1,
        (*HERE, "not-enough"): 1,
        (*HERE, "too-much"): 1,
    }
    assert sum(counted("shop_write_seconds")[HERE]) == 5  # what was too much was not begun


async def test_a_fault_of_the_caller_is_not_counted(records, counted):
    with pytest.raises(ValueError, match="put beside them"):
        await records.commit(changes=[Change(key="stock", by={"n": 1})])

    assert counted("shop_writes") == {(*HERE, "committed"): 0}
    assert sum(counted("shop_write_seconds")[HERE]) == 0


async def test_a_write_of_nothing_is_not_counted(records, counted):
    await records.commit()

    assert counted("shop_writes") == {(*HERE, "committed"): 0}
    assert sum(counted("shop_write_seconds")[HERE]) == 0


async def test_writes_at_the_same_time_are_counted_each(records, counted):
    await records.commit(puts=[doc("a-0")])
    writing = (records.commit(puts=[doc(f"a-{n}")]) for n in range(20))
    ended = await asyncio.gather(*writing, return_exceptions=True)

    assert [type(one) for one in ended] == [Conflict] + 19 * [type(None)]
    assert counted("shop_writes") == {(*HERE, "committed"): 20, (*HERE, "conflict"): 1}
    assert sum(counted("shop_write_seconds")[HERE]) == 21


async def test_a_write_takes_the_time_until_it_is_known_how_it_ended(engine, records):
    began = time.perf_counter()
    await records.commit(puts=[doc("a")])

    assert 0 < engine.store.writes["parcels"].seconds.total < time.perf_counter() - began
