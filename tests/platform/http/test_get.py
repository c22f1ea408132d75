"""One path: conditional requests, stale answers where the origin allows them, Vary, and what is told of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import httpx
import msgspec
import pytest

from shop.platform.http.answer import OriginRefused, OriginUnavailable
from shop.platform.http.client import Client

CATALOG = "public, max-age=300, stale-while-revalidate=60"


class Page(msgspec.Struct, frozen=True):
    """What the origin has."""

    edition: int


@dataclass
class Paper(httpx.AsyncBaseTransport):
    """An origin with one page, of which there are editions, with an ETag each."""

    headers: dict[str, str] = field(default_factory=lambda: {"Cache-Control": CATALOG, "Cache-Tags": "page,all"})
    edition: int = 1
    failure: Exception | httpx.Response | None = None
    seen: list[httpx.Request] = field(default_factory=list)
    gate: asyncio.Event | None = None
    vary_on: str = ""

    async def handle_async_request(self, request):
        self.seen.append(request)
        if self.gate:
            await self.gate.wait()
        if isinstance(self.failure, Exception):
            raise self.failure
        if self.failure:
            return self.failure
        etag = f'"{self.edition}"'
        headers = {**self.headers, "ETag": etag}
        if request.headers.get("if-none-match") == etag:
            return httpx.Response(304, headers=headers)
        body = {"edition": self.edition, "for": request.headers.get(self.vary_on, "") if self.vary_on else ""}
        return httpx.Response(200, json=body, headers=headers)


@pytest.fixture
def paper():
    return Paper()


@pytest.fixture
async def client(paper, seconds):
    client = Client(paper, base_url="http://origin", budget=5, now=seconds, wall=seconds.wall, most=1_000_000)
    yield client
    await client.close()


@pytest.fixture
def read(client):
    async def act(path="/page", **headers):
        return await client.get(path, type=Page, headers=headers or None)

    return act


@pytest.fixture
def settled(client):
    """Waits until nobody asks the origin."""

    async def act():
        async with asyncio.timeout(5):
            while client._flights._flights:  # noqa: ASYNC110 - flights have no bell
                await asyncio.sleep(0)

    return act


async def test_a_second_read_is_answered_from_memory_with_the_very_same_object(read, paper):
    first, second = await read(), await read()

    assert second.value is first.value
    assert len(paper.seen) == 1
    assert first.cache_status == "shop; fwd=uri-miss; fwd-status=200; stored; ttl=300"
    assert second.cache_status == "shop; hit; ttl=300; detail=memory"


async def test_readers_with_types_of_their_own_share_the_bytes(client, paper):
    class Other(msgspec.Struct, frozen=True):
        edition: float

    page = await client.get("/page", type=Page)
    other = await client.get("/page", type=Other)

    assert (page.value, other.value) == (Page(1), Other(1.0))
    assert (await client.get("/page", type=Other)).value is other.value
    assert len(paper.seen) == 1


async def test_bodies_are_bytes_whatever_is_in_them(client, paper):
    picture = bytes(range(256))
    paper.failure = httpx.Response(200, content=picture, headers={"Cache-Control": "max-age=9"})
    await client.get("/picture", type=bytes)

    answer = await client.get("/picture", type=bytes)

    assert answer.body == answer.value == picture
    assert len(paper.seen) == 1


async def test_an_answer_without_a_date_gets_old_from_when_it_came(read, paper, seconds):
    await read()
    seconds.now += 200
    answer = await read()
    assert (answer.age, answer.cache_status) == (200, "shop; hit; ttl=100; detail=memory")
    assert "date" in answer.entry.stored.fields

    seconds.now += 161
    assert (await read()).age == 0
    assert len(paper.seen) == 2


async def test_an_answer_that_was_old_when_it_came_is_fresh_for_less(read, paper, seconds):
    paper.headers["Age"] = "290"
    paper.headers["Cache-Control"] = "max-age=300"
    await read()
    seconds.now += 11
    await read()

    assert len(paper.seen) == 2


async def test_what_is_too_old_is_asked_for_conditionally_and_confirmed(client, read, paper, seconds):
    first = await read()
    seconds.now += 400
    confirmed = await read()

    assert paper.seen[1].headers["if-none-match"] == '"1"'
    assert confirmed.cache_status == "shop; fwd=stale; fwd-status=304; stored; ttl=300"
    assert (confirmed.body, confirmed.age) == (first.body, 0)
    assert (client.revalidated, client.answered_by["origin"]) == (1, 2)
    await read()
    assert len(paper.seen) == 2


async def test_what_has_changed_comes_anew(read, paper, seconds):
    await read()
    paper.edition = 2
    seconds.now += 400

    assert (await read()).value == Page(2)


async def test_what_was_dropped_is_not_asked_for_conditionally(client, read, paper):
    await read()
    await client.invalidate(["page"])
    await read()

    assert "if-none-match" not in paper.seen[1].headers


async def test_no_cache_is_asked_for_each_time_and_sent_once(read, paper):
    paper.headers["Cache-Control"] = "no-cache"
    await read()
    answer = await read()

    assert paper.seen[1].headers["if-none-match"] == '"1"'
    assert answer.value == Page(1)
    assert "fwd-status=304" in answer.cache_status


async def test_a_stale_answer_is_used_while_it_is_asked_for_anew_once(read, paper, seconds, settled):
    await read()
    paper.edition = 2
    paper.gate = asyncio.Event()
    seconds.now += 330

    answers = await asyncio.gather(*(read() for _ in range(50)))
    assert {answer.value for answer in answers} == {Page(1)}
    assert answers[0].cache_status == "shop; hit; ttl=-30; detail=memory"
    paper.gate.set()
    await settled()

    assert (await read()).value == Page(2)
    assert len(paper.seen) == 2


async def test_when_the_origin_fails_a_stale_answer_serves_as_long_as_it_has_allowed(read, paper, seconds):
    paper.headers["Cache-Control"] = "max-age=10, stale-if-error=50"
    await read()
    paper.failure = httpx.ConnectError("refused")
    seconds.now += 59
    answer = await read()

    assert answer.value == Page(1)
    assert answer.cache_status == "shop; fwd=stale; ttl=-49; detail=stale-if-error"
    seconds.now += 2
    with pytest.raises(OriginUnavailable):
        await read()


@pytest.mark.parametrize("control", ["max-age=10", "max-age=10, stale-if-error=50, must-revalidate"])
async def test_when_the_origin_fails_nothing_stale_serves_that_it_has_not_allowed(read, paper, seconds, control):
    paper.headers["Cache-Control"] = control
    await read()
    paper.failure = httpx.Response(500)
    seconds.now += 11

    with pytest.raises(OriginUnavailable):
        await read()


async def test_what_was_dropped_does_not_serve_when_the_origin_fails(client, read, paper):
    paper.headers["Cache-Control"] = "max-age=10, stale-if-error=50"
    await read()
    await client.invalidate(["page"])
    paper.failure = httpx.Response(500)

    with pytest.raises(OriginUnavailable):
        await read()


async def test_a_refusal_is_no_failure(read, paper, seconds):
    paper.headers["Cache-Control"] = "max-age=10, stale-if-error=50"
    await read()
    paper.failure = httpx.Response(410, content=b"gone")
    seconds.now += 11

    with pytest.raises(OriginRefused) as refused:
        await read()
    assert (refused.value.status, refused.value.body) == (410, b"gone")


async def test_an_answer_varies_by_what_it_says(read, paper):
    paper.headers["Vary"] = "Accept-Language"
    paper.vary_on = "accept-language"
    languages = ("de", "en", "de", "en", "fr")

    bodies = [(await read(**{"accept-language": language})).body for language in languages]

    assert [msgspec.json.decode(body)["for"] for body in bodies] == list(languages)
    assert [request.headers["accept-language"] for request in paper.seen] == ["de", "en", "fr"]


async def test_at_once_an_answer_varies_too(read, paper):
    paper.headers["Vary"] = "Accept-Language"
    paper.vary_on = "accept-language"

    answers = await asyncio.gather(*(read(**{"accept-language": one}) for one in ("de", "en") * 10))

    assert [msgspec.json.decode(answer.body)["for"] for answer in answers] == ["de", "en"] * 10


async def test_what_was_answered_to_one_with_a_token_is_given_to_nobody_else(read, paper):
    paper.headers["Cache-Control"] = "max-age=300"
    await asyncio.gather(read(authorization="a"), read(authorization="b"))
    await read()

    assert [request.headers.get("authorization") for request in paper.seen] == ["a", "b", None]


async def test_what_is_public_is_for_all_whoever_asked(read, paper):
    await read(authorization="a")
    await read(authorization="b")

    assert len(paper.seen) == 1


async def test_fifty_cold_reads_at_once_ask_once_and_say_so(client, read, paper):
    answers = await asyncio.gather(*(read() for _ in range(50)))

    assert len(paper.seen) == 1
    assert sum("collapsed" in answer.cache_status for answer in answers) == 49
    assert (client.coalesced, client.revalidated) == (49, 0)


async def test_who_comes_after_any_drop_does_not_join_a_read_whose_tags_nobody_knows_yet(client, read, paper):
    paper.gate = asyncio.Event()
    before = asyncio.create_task(read())
    await asyncio.sleep(0)
    await client.invalidate(["page"])
    after = asyncio.create_task(read())
    await asyncio.sleep(0)
    paper.gate.set()
    await asyncio.gather(before, after)

    assert len(paper.seen) == 2


async def test_a_tag_is_dropped_exactly(client, read, paper):
    paper.headers["Cache-Tags"] = "product:11, all"
    await read()
    await client.invalidate(["product:1", "11", "product:111", "product:11,all"])
    await read()
    assert len(paper.seen) == 1

    await client.invalidate(["product:11"])
    await read()
    assert len(paper.seen) == 2


async def test_an_answer_that_cannot_be_read_is_not_kept(client, paper):
    paper.failure = httpx.Response(200, content=b"<html>", headers={"Cache-Control": "max-age=9"})
    with pytest.raises(OriginUnavailable):
        await client.get("/page", type=Page)
    paper.failure = None

    assert (await client.get("/page", type=Page)).value == Page(1)


async def test_a_stale_answer_does_not_get_younger_however_often_the_origin_fails(paper, read, seconds):
    paper.headers["Cache-Control"] = "max-age=10, stale-if-error=50"
    await read()
    paper.failure = httpx.ConnectError("down")
    paper.gate = asyncio.Event()
    seconds.now += 10
    for age in (14, 18, 22, 26, 30, 34, 38, 42, 46, 50, 54, 58):
        reading = asyncio.create_task(read())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        seconds.now += 4  # which the failure takes
        paper.gate.set()
        answer = await reading
        paper.gate = asyncio.Event()
        assert answer.age == age

    paper.gate.set()
    seconds.now += 3
    with pytest.raises(OriginUnavailable):
        await read()


async def test_an_answer_that_varies_no_more_or_by_something_else_is_given(paper, read, seconds):
    paper.vary_on, paper.headers["Vary"] = "accept-language", "Accept-Language"
    await read(**{"accept-language": "de"})
    seconds.now += 1000
    paper.edition = 2

    for vary in ("", "Accept"):
        paper.headers["Vary"] = vary
        assert (await read(**{"accept-language": "de"})).value.edition == 2


async def test_who_comes_after_hearing_was_lost_does_not_join_a_read_from_before(client, paper):
    paper.gate = asyncio.Event()
    before = asyncio.create_task(client.get("/page", type=Page))
    while not paper.seen:  # noqa: ASYNC110 - it has no bell
        await asyncio.sleep(0)
    client._memory.off()
    client._memory.on()
    after = asyncio.create_task(client.get("/page", type=Page))
    for _ in range(100):
        await asyncio.sleep(0)
    paper.gate.set()

    assert not (await before).how.collapsed
    assert not (await after).how.collapsed
