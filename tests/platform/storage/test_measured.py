"""Writes are counted by how they ended, and timed, on the real engine."""

from __future__ import annotations

import asyncio

import pytest

from shop.kernel.events import Delivery
from shop.platform.figures import Figures
from shop.platform.storage.measured import MeasuredEngine
from shop.platform.storage.port import AlreadyConsumed, Change, Conflict, Layout, NotEnough, Put, TooMuch, Unavailable
from shop.platform.storage.sqlite import SqliteStore

HERE = ("parcels",)


@pytest.fixture
async def store(tmp_path, clock):
    store = SqliteStore(tmp_path / "shop.db", clock=clock, limit=5)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def figures():
    return Figures()


@pytest.fixture
def records(store, figures):
    return MeasuredEngine(store, figures).records(Layout(context="parcels"))


@pytest.fixture
def counted(figures):
    def read(name):
        return {
            labels: getattr(value, "buckets", value) for metric, labels, value in figures.read() if metric.name == name
        }

    return read


def doc(key, was=0):
    return Put(key=key, body=b"{}", was=was)


async def test_each_write_is_counted_by_how_it_ended(records, store, counted):
    once = Delivery("1", "evt_1", "parcels")
    await records.commit(puts=[doc("a")], changes=[Change(key="stock", by={"n": 1})])
    await records.commit(puts=[doc("b")])
    with pytest.raises(Conflict):
        await records.commit(puts=[doc("a")])
    with pytest.raises(NotEnough):
        await records.commit(puts=[doc("c")], changes=[Change(key="stock", by={"n": -2})])
    with pytest.raises(TooMuch):
        await records.commit(puts=[doc(f"many-{n}") for n in range(6)])
    with pytest.raises(AlreadyConsumed):
        await records.commit(puts=[doc("d")], consumed=once)  # a delivery that is in no table has ended
    await store.close()
    with pytest.raises(Unavailable):
        await records.commit(puts=[doc("e")])

    assert counted("shop_writes") == {
        (*HERE, "committed"): 2,
        (*HERE, "conflict"): 1,
        (*HERE, "not-enough"): 1,
        (*HERE, "too-much"): 1,
        (*HERE, "already-consumed"): 1,
        (*HERE, "unavailable"): 1,
    }
    assert sum(counted("shop_write_seconds")[HERE]) == 7


async def test_a_fault_of_the_caller_is_timed_and_no_result(records, counted):
    with pytest.raises(ValueError, match="put beside them"):
        await records.commit(changes=[Change(key="stock", by={"n": 1})])

    assert counted("shop_writes") == {(*HERE, "committed"): 0}


async def test_a_write_of_nothing_is_not_counted(records, counted):
    await records.commit()

    assert counted("shop_writes") == {(*HERE, "committed"): 0}
    assert sum(counted("shop_write_seconds")[HERE]) == 0


async def test_a_write_whose_caller_has_gone_is_timed_and_of_no_result_though_it_is_done(records, counted):
    gone = asyncio.create_task(records.commit(puts=[doc("a")]))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait([gone])
    await records.commit(puts=[doc("b")])

    assert gone.cancelled()
    assert (await records.get("a")).body == b"{}"
    assert counted("shop_writes") == {(*HERE, "committed"): 1}
    assert sum(counted("shop_write_seconds")[HERE]) == 2


async def test_reads_are_the_engines_own(records, store):
    await records.commit(puts=[doc("a")])

    assert (await records.get("a")).body == b"{}"
    assert records.limit == 5
    store.limit = 7
    assert records.limit == 7
