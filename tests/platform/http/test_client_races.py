"""Reads that meet each other, and drops that overtake them."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from shop.platform.http.answer import OriginUnavailable


@pytest.fixture
def begun(origin):
    """Waits until so many requests have reached the origin."""

    async def requests(count):
        async with asyncio.timeout(5):
            while len(origin.asked) < count:  # noqa: ASYNC110 - the origin has no bell
                await asyncio.sleep(0)

    return requests


@pytest.fixture
def gated(origin):
    """The first requests are answered when their gates are opened."""

    def first(count):
        origin.gates = [asyncio.Event() for _ in range(count)]
        return origin.gates

    return first


async def test_fifty_cold_reads_at_once_ask_the_origin_once(origin, names):
    answers = await asyncio.gather(*(names("1", "2") for _ in range(50)))

    assert answers == [{"1": "edition 1", "2": "edition 1"}] * 50
    assert len(origin.asked) == 1


async def test_reads_that_overlap_ask_for_each_thing_once(origin, names):
    answers = await asyncio.gather(*(names(str(n), str(n + 1)) for n in range(20)))

    assert [set(answer) for answer in answers] == [{str(n), str(n + 1)} for n in range(20)]
    assert sorted(one for asked in origin.asked for one in asked) == sorted(str(n) for n in range(21))


async def test_fifty_cold_reads_of_a_broken_origin_all_hear_of_it_and_ask_once(origin, names):
    origin.answer = lambda _: httpx.Response(500)

    answers = await asyncio.gather(*(names("1") for _ in range(50)), return_exceptions=True)

    assert {type(answer) for answer in answers} == {OriginUnavailable}
    assert len(origin.asked) == 1


async def test_what_was_read_before_a_drop_is_not_kept(client, origin, names, gated, begun):
    [gate] = gated(1)
    reading = asyncio.create_task(names("1", "2"))
    await begun(1)
    origin.edition = 2
    await client.invalidate(["product:1"])
    gate.set()
    await reading

    assert await names("1", "2") == {"1": "edition 2", "2": "edition 1"}
    assert origin.asked[1:] == [["1"]]


async def test_who_comes_after_a_drop_does_not_join_the_read_it_overtook(client, origin, names, gated, begun):
    [gate] = gated(1)
    before = asyncio.create_task(names("1"))
    await begun(1)
    origin.edition = 2
    await client.invalidate(["product:1"])

    assert await names("1") == {"1": "edition 2"}
    gate.set()
    assert await before == {"1": "edition 1"}
    assert await names("1") == {"1": "edition 2"}


async def test_who_joins_two_reads_has_each_thing_from_the_one_that_a_drop_has_not_overtaken(
    client, origin, names, gated, begun
):
    first, second = gated(2)
    before = asyncio.create_task(names("1", "2"))
    await begun(1)
    origin.edition = 2
    await client.invalidate(["product:1"])
    after = asyncio.create_task(names("1"))
    await begun(2)

    joining = asyncio.create_task(names("1", "2"))
    await asyncio.sleep(0)
    first.set()
    second.set()

    assert await joining == {"1": "edition 2", "2": "edition 1"}
    assert (await before, await after) == ({"1": "edition 1", "2": "edition 1"}, {"1": "edition 2"})
    assert len(origin.asked) == 2


async def test_a_read_that_was_overtaken_does_not_end_the_read_that_overtook_it(client, origin, names, gated, begun):
    first, second = gated(2)
    before = asyncio.create_task(names("1"))
    await begun(1)
    origin.edition = 2
    await client.invalidate(["product:1"])
    after = asyncio.create_task(names("1"))
    await begun(2)
    first.set()
    await before

    joining = asyncio.create_task(names("1"))
    await asyncio.sleep(0)
    second.set()
    assert await after == await joining == {"1": "edition 2"}
    assert len(origin.asked) == 2


async def test_a_read_that_begins_after_a_drop_is_kept_whatever_else_is_under_way(client, origin, names, gated, begun):
    [gate] = gated(1)
    slow = asyncio.create_task(names("other"))
    await begun(1)
    await client.invalidate(["product:1"])

    await names("1")
    await names("1")
    gate.set()
    await slow

    assert origin.asked == [["other"], ["1"]]


async def test_a_drop_between_two_turns_of_a_read_is_heard(client, origin, names):
    reading = asyncio.create_task(names("1"))
    for _ in range(30):  # at whatever point of the read
        origin.edition += 1
        await client.invalidate(["product:1"])
        await asyncio.sleep(0)
    await reading

    assert await names("1") == {"1": f"edition {origin.edition}"}


async def test_who_goes_away_does_not_take_the_answer_from_the_others(origin, names, gated, begun):
    [gate] = gated(1)
    waiters = [asyncio.create_task(names("1")) for _ in range(3)]
    await begun(1)
    waiters[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiters[0]
    gate.set()

    assert await asyncio.gather(*waiters[1:]) == [{"1": "edition 1"}] * 2
    assert len(origin.asked) == 1


async def test_what_was_read_for_one_who_has_gone_is_kept(client, origin, names, gated, begun):
    [gate] = gated(1)
    waiter = asyncio.create_task(names("1"))
    await begun(1)
    waiter.cancel()
    gate.set()
    async with asyncio.timeout(5):
        while client._flights._flights:  # noqa: ASYNC110 - a read that nobody waits for
            await asyncio.sleep(0)

    assert await names("1") == {"1": "edition 1"}
    assert len(origin.asked) == 1


async def test_a_failure_is_not_handed_on_to_who_comes_later(origin, names, gated, begun):
    [gate] = gated(1)
    origin.answer = lambda _: httpx.Response(500)
    reading = asyncio.create_task(names("1"))
    await begun(1)
    gate.set()
    with pytest.raises(OriginUnavailable):
        await reading
    origin.answer = None

    assert await names("1") == {"1": "edition 1"}
