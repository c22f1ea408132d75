"""Reading another context: from memory while it is fresh, from the origin otherwise, never longer than the budget."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest

from shop.platform.http.answer import OriginUnavailable
from shop.platform.web import MOST_URI


async def test_what_is_fresh_is_not_asked_for_again(origin, names):
    first = await names("1", "2")
    second = await names("2", "1")

    assert first == second == {"1": "edition 1", "2": "edition 1"}
    assert len(origin.asked) == 1


async def test_the_very_same_object_is_given_to_everybody(client, things):
    from_origin = await client.get_many(things, ["1"])

    assert (await client.get_many(things, ["1"]))["1"] is from_origin["1"]


async def test_only_what_is_missing_is_asked_for(origin, names):
    await names("1", "2")
    assert set(await names("1", "2", "3", "4")) == {"1", "2", "3", "4"}

    assert [sorted(ids) for ids in origin.asked] == [["1", "2"], ["3", "4"]]


async def test_nothing_is_asked_for_nothing(origin, names):
    assert await names() == {}
    assert origin.asked == []


async def test_what_the_origin_does_not_have_is_left_out_and_asked_for_again(origin, names):
    origin.missing = {"2"}
    assert await names("1", "2") == {"1": "edition 1"}

    origin.missing = ()
    assert set(await names("1", "2")) == {"1", "2"}
    assert origin.asked == [["1", "2"], ["2"]]


async def test_what_nobody_asked_for_is_not_given(origin, names):
    origin.answer = lambda _: httpx.Response(200, json={"data": [{"id": "1", "name": "a"}, {"id": "9", "name": "b"}]})

    assert await names("1") == {"1": "a"}


@pytest.mark.parametrize(("count", "batches"), [(100, [100]), (101, [100, 1]), (250, [100, 100, 50])])
async def test_at_most_100_are_asked_for_at_once(origin, names, count, batches):
    ids = [str(n) for n in range(count)]

    assert set(await names(*ids)) == set(ids)
    assert sorted(map(len, origin.asked), reverse=True) == batches


async def test_long_ids_are_asked_for_in_more_requests_each_short_enough_for_the_origin(origin, names):
    ids = [f"{n:03}{'@' * 97}" for n in range(100)]

    assert set(await names(*ids)) == set(ids)
    assert origin.longest < MOST_URI
    assert sorted(one for asked in origin.asked for one in asked) == sorted(ids)


async def test_batches_are_asked_for_side_by_side(origin, names):
    origin.gates = [asyncio.Event(), asyncio.Event()]
    reading = asyncio.create_task(names(*map(str, range(150))))
    while len(origin.asked) < 2:  # noqa: ASYNC110 - the origin has no bell
        await asyncio.sleep(0)

    for gate in origin.gates:
        gate.set()
    assert len(await reading) == 150


async def test_an_order_of_1500_products_is_answered_from_memory_at_once(origin, names):
    ids = [f"product-{n}" for n in range(1500)]
    await names(*ids)

    assert len(await names(*ids)) == 1500
    assert len(origin.asked) == 15


async def test_a_thing_is_fresh_for_its_max_age_and_no_longer(origin, seconds, names):
    await names("1")
    origin.edition = 2
    seconds.now += 299.9
    assert await names("1") == {"1": "edition 1"}

    seconds.now += 0.1
    assert await names("1") == {"1": "edition 2"}


@pytest.mark.parametrize(
    "control",
    [
        None,
        "",
        "no-store",
        "max-age=0",
        "private, no-store",
        "no-store, max-age=300",
        "max-age=300, no-store",
        "no-cache, max-age=300",
        "s-maxage=0, max-age=300",
        "stale-while-revalidate=60",
        "max-age=x",
        "public",
    ],
)
async def test_what_is_not_to_be_kept_is_asked_for_each_time(origin, names, control):
    origin.control = control
    await names("1")
    origin.edition = 2

    assert await names("1") == {"1": "edition 2"}


@pytest.mark.parametrize(
    "control",
    ["max-age=300", "public,max-age=300", "max-age=300, stale-while-revalidate=60", "s-maxage=300"],
)
async def test_what_may_be_kept_is_kept(origin, names, control):
    origin.control = control
    await names("1")
    await names("1")

    assert len(origin.asked) == 1


async def test_dropped_is_what_has_exactly_this_tag(client, origin, names):
    await names("1", "11", "111")
    origin.edition = 2

    await client.invalidate(["product:1"])

    assert await names("1", "11", "111") == {"1": "edition 2", "11": "edition 1", "111": "edition 1"}
    assert origin.asked[1:] == [["1"]]


async def test_dropping_what_is_not_there_changes_nothing(client, origin, names):
    await names("1")
    await client.invalidate(["product:2", "product", "1", "thing:1", ""])
    await names("1")

    assert len(origin.asked) == 1


async def test_memory_is_bounded_and_what_was_read_longest_ago_goes_first(client_with, origin, names):
    origin.padding = 1000
    client = client_with(most=4 * 4000)  # an entry is its body, what is decoded of it, and some more
    for one in "1234":
        await names(one, of=client)
    await names("1", of=client)
    await names("5", of=client)
    assert client._memory.bytes <= 4 * 4000
    origin.asked.clear()

    await names("1", "3", "4", "5", of=client)
    assert origin.asked == []
    await names("2", of=client)
    assert origin.asked == [["2"]]


async def test_memory_stays_bounded_however_much_is_read(client_with, origin, names):
    origin.padding = 100
    client = client_with(most=20_000)
    for begin in range(0, 3000, 70):
        await names(*map(str, range(begin, begin + 70)), of=client)
        await client.invalidate([f"product:{begin}"])
        memory = client._memory
        assert memory.bytes == sum(entry.size for entry in memory._entries.values()) <= 20_000
    kept = len(memory)
    await client.invalidate([f"product:{n}" for n in range(3010)])
    assert len(memory._guards) == 0 < kept
    await names(*(name.partition("=")[2] for name in list(memory._entries)), of=client)

    assert memory.bytes == sum(entry.size for entry in memory._entries.values())


async def test_an_origin_that_does_not_answer_is_given_up_within_the_budget(client_with, origin, names):
    origin.gates = [asyncio.Event()] * 3
    begun = time.monotonic()

    with pytest.raises(OriginUnavailable, match="/things"):
        await names(*map(str, range(250)), of=client_with(budget=0.05))

    assert 0.04 < time.monotonic() - begun < 0.5


async def test_what_is_fresh_is_answered_while_the_origin_is_away(origin, names):
    await names("1")
    origin.answer = lambda _: httpx.Response(503)

    assert await names("1") == {"1": "edition 1"}
    with pytest.raises(OriginUnavailable):
        await names("1", "2")


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(500),
        httpx.Response(503, json={"data": []}),
        httpx.Response(404),
        httpx.Response(204),
        httpx.Response(301, headers={"Location": "/things"}),
        httpx.Response(200),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"data": None}),
        httpx.Response(200, json={"data": [{"id": 1, "name": "a"}]}),
        httpx.Response(200, json={"data": [{"id": "1"}]}),
        httpx.Response(200, content=b'{"data": [{"id": "1", "name": "\xff"}]}'),
        httpx.Response(200, content=b'{"data": [], "more": ' + b"[" * 100_000),
    ],
    ids=lambda response: f"{response.status_code} {response.content[:36]!r}",
)
async def test_an_answer_that_is_not_as_agreed_is_no_answer(origin, names, response):
    origin.answer = lambda _: response

    with pytest.raises(OriginUnavailable):
        await names("1")


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), httpx.ReadError("cut")])
async def test_an_origin_that_cannot_be_reached_is_unavailable(origin, names, error):
    def fail(_):
        raise error

    origin.answer = fail
    with pytest.raises(OriginUnavailable):
        await names("1")


async def test_after_a_failure_the_origin_is_asked_again(origin, names):
    origin.answer = lambda _: httpx.Response(500)
    with pytest.raises(OriginUnavailable):
        await names("1")
    origin.answer = None

    assert await names("1") == {"1": "edition 1"}


async def test_items_of_a_batch_are_refreshed_behind_who_reads_them(origin, seconds, names):
    origin.control = "public, max-age=300, stale-while-revalidate=60"
    await names("1", "2")
    origin.edition = 2
    seconds.now += 330
    assert await names("1", "2") == {"1": "edition 1", "2": "edition 1"}
    while await names("1") != {"1": "edition 2"}:  # noqa: ASYNC110 - the origin has no bell
        await asyncio.sleep(0)

    assert origin.asked == [["1", "2"], ["1", "2"]]
