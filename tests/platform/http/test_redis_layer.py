"""The second layer over a real Valkey: what is in it, who asks the origin, and what an invalidation reaches."""

from __future__ import annotations

import asyncio
from functools import partial

import httpx
import msgspec
import pytest

from shop.platform.http.answer import OriginUnavailable
from shop.platform.http.second_layer import Token


class Page(msgspec.Struct, frozen=True):
    """What the origin has."""

    edition: int


@pytest.fixture
def things_of(things):
    async def act(peer, *ids):
        return {key: thing.name for key, thing in (await peer.client.get_many(things, ids)).items()}

    return act


@pytest.fixture
async def pair(peers, valkey):
    return await peers(valkey), await peers(valkey)


def page(edition, **headers):
    told = {"cache-control": "max-age=300", "cache-tags": "page,all"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return httpx.Response(200, json={"edition": edition}, headers=told)


def page_of_things(name):
    return httpx.Response(200, json={"data": [{"id": "1", "name": name}]}, headers={"cache-control": "max-age=300"})


class Pages(httpx.AsyncBaseTransport):
    """Answers by hand."""

    def __init__(self, answer):
        self.answer = answer
        self.seen = []

    async def handle_async_request(self, request):
        self.seen.append(request)
        answer = self.answer(request)
        return await answer if asyncio.iscoroutine(answer) else answer


@pytest.fixture
def held_up(origin, things_of, until):
    """A read of thing 1 by this process, which waits for the origin's gate, while a newer edition comes out."""

    async def begun(peer):
        origin.gates = [asyncio.Event()]
        reading = asyncio.create_task(things_of(peer, "1"))
        await until(lambda: origin.asked)
        origin.edition = 2
        return reading

    return begun


async def test_what_one_process_has_read_the_other_finds(pair, origin, things_of):
    a, b = pair
    await things_of(a, "1", "2")
    origin.edition = 2

    assert await things_of(b, "1", "2", "3") == {"1": "edition 1", "2": "edition 1", "3": "edition 2"}
    assert origin.asked == [["1", "2"], ["3"]]
    assert (b.client.answered_by["redis"], b.client.answered_by["origin"]) == (2, 1)
    await things_of(b, "1")
    assert b.client.answered_by["memory"] == 1


async def test_the_keys_are_those_of_the_seed(peers, valkey):
    peer = await peers(valkey, over=Pages(lambda _: page(1)))
    await peer.client.get("/page?a=b", type=Page)

    with valkey.plain as plain:
        keys = sorted(key.decode() for key in plain.keys("*"))
        [metadata] = [key for key in keys if ":metadata:" in key]
        uuid = metadata.rpartition(":")[2]
        kept = {name.decode(): value for name, value in plain.hgetall(metadata).items()}
        lives = {key: plain.pttl(key) for key in keys}
        tagged = plain.zrange("{catalog-cache}:cache-tags:all", 0, -1)
        body = plain.get(f"{{catalog-cache}}:values:{uuid}")
    assert keys == [
        "{catalog-cache}:cache-tags:all",
        "{catalog-cache}:cache-tags:page",
        f"{{catalog-cache}}:ids:{uuid}",
        f"{{catalog-cache}}:metadata:http://origin:/page?a=b:GET:{uuid}",
        f"{{catalog-cache}}:values:{uuid}",
        "{catalog-cache}:versions",
    ]
    assert body == b'{"edition":1}'
    assert tagged == [uuid.encode()]
    assert {"origin", "path", "method", "status", "headers", "cacheTags", "timestamp"} <= kept.keys()
    assert lives.pop("{catalog-cache}:versions") == -1
    assert all(0 < life <= 300_000 for life in lives.values())


async def test_an_answer_is_as_old_for_the_other_as_it_is(peers, valkey):
    pages = Pages(lambda _: page(1, age="290"))
    a, b = await peers(valkey, over=pages), await peers(valkey, over=pages)
    await a.client.get("/page", type=Page)

    answer = await b.client.get("/page", type=Page)

    assert 290 <= answer.age <= 292
    assert answer.cache_status.startswith("shop; hit; ttl=")
    assert answer.cache_status.endswith("detail=redis")
    assert len(pages.seen) == 1


async def test_bodies_are_bytes(peers, valkey):
    picture = bytes(range(256)) * 4
    pages = Pages(lambda _: httpx.Response(200, content=picture, headers={"cache-control": "max-age=9"}))
    a, b = await peers(valkey, over=pages), await peers(valkey, over=pages)
    await a.client.get("/picture", type=bytes)

    assert (await b.client.get("/picture", type=bytes)).value == picture
    assert len(pages.seen) == 1


async def test_without_a_date_an_answer_gets_old_in_redis_too(peers, valkey):
    pages = Pages(lambda _: page(len(pages.seen), cache_control="s-maxage=1"))
    a, b = await peers(valkey, over=pages), await peers(valkey, over=pages)
    await a.client.get("/page", type=Page)
    assert (await b.client.get("/page", type=Page)).value == Page(1)

    async with asyncio.timeout(5):
        while (await b.client.get("/page", type=Page)).value != Page(2):  # noqa: ASYNC110 - time has no bell
            await asyncio.sleep(0.01)
    assert len(pages.seen) == 2


async def test_an_answer_varies_for_every_process(peers, valkey):
    pages = Pages(lambda request: page(len(request.headers["accept-language"]), vary="accept-language"))
    a, b = await peers(valkey, over=pages), await peers(valkey, over=pages)
    languages = ["de", "en-GB", "de"]

    for peer in (a, b):
        for language in languages:
            answer = await peer.client.get("/page", type=Page, headers={"accept-language": language})
            assert answer.value == Page(len(language))
    assert len(pages.seen) == 2


async def test_what_has_got_stale_is_confirmed_for_all(peers, valkey):
    def answer(request):
        if request.headers.get("if-none-match") == '"1"':
            return httpx.Response(304, headers={"cache-control": "max-age=300", "etag": '"1"', "cache-tags": "page"})
        return page(1, cache_control="max-age=300", etag='"1"', age="300")

    pages = Pages(answer)
    a, b = await peers(valkey, over=pages), await peers(valkey, over=pages)
    await a.client.get("/page", type=Page)

    confirmed = await b.client.get("/page", type=Page)

    assert confirmed.cache_status.startswith("shop; fwd=stale; fwd-status=304; stored; ttl=")
    assert confirmed.body == b'{"edition":1}'
    await a.client.get("/page", type=Page)
    assert len(pages.seen) == 2


async def test_what_is_stale_in_redis_serves_while_one_process_asks_for_it_anew(peers, valkey, until):
    gate = asyncio.Event()

    async def answer(_):
        number = len(pages.seen)
        if number > 1:
            await gate.wait()
        return page(number, cache_control="max-age=300, stale-while-revalidate=60", age="330" if number == 1 else "0")

    pages = Pages(answer)
    a, b, c = [await peers(valkey, over=pages) for _ in range(3)]
    await a.client.get("/page", type=Page)

    for peer in (b, c, b, c):
        assert (await peer.client.get("/page", type=Page)).value == Page(1)
    await until(lambda: len(pages.seen) == 2)
    gate.set()
    async with asyncio.timeout(5):
        for peer in (a, b, c):
            while (await peer.client.get("/page", type=Page)).value != Page(2):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.002)
    assert len(pages.seen) == 2


async def test_what_is_stale_in_redis_serves_when_the_origin_fails_as_it_has_allowed(peers, valkey):
    answers = [page(1, cache_control="max-age=300, stale-if-error=60", age="330"), httpx.Response(500)]
    pages = Pages(lambda _: answers[min(len(pages.seen), 2) - 1])
    a, b = await peers(valkey, over=pages), await peers(valkey, over=pages)
    await a.client.get("/page", type=Page)

    answer = await b.client.get("/page", type=Page)

    assert (answer.value, answer.how.detail) == (Page(1), "stale-if-error")


@pytest.mark.parametrize("control", ["no-store", "private, max-age=300", "max-age=0"])
async def test_what_is_not_to_be_kept_is_not_in_redis(peers, valkey, control):
    pages = Pages(lambda _: page(1, cache_control=control))
    a, b = await peers(valkey, over=pages), await peers(valkey, over=pages)
    for peer in (a, b, a):
        await peer.client.get("/page", type=Page)

    assert len(pages.seen) == 3
    with valkey.plain as plain:
        assert plain.keys() == [b"{catalog-cache}:versions"]


async def test_an_invalidation_reaches_the_other_processs_memory(pair, origin, things_of, until):
    a, b = pair
    await things_of(a, "1", "2")
    await things_of(b, "1", "2")
    origin.edition = 2

    await a.client.invalidate(["product:1"])

    assert await things_of(a, "1", "2") == {"1": "edition 2", "2": "edition 1"}
    await until(lambda: b.client._memory.get("/things?ids=1", 0.0) is None)
    assert await things_of(b, "1", "2") == {"1": "edition 2", "2": "edition 1"}
    assert origin.asked == [["1", "2"], ["1"]]


async def test_tag_1_is_not_tag_11(pair, origin, things_of):
    a, b = pair
    await things_of(a, "1", "11", "111")
    origin.edition = 2

    await a.client.invalidate(["product:1", "11", "product", "roduct:11"])

    for peer in (a, b):
        assert await things_of(peer, "1", "11", "111") == {"1": "edition 2", "11": "edition 1", "111": "edition 1"}


async def test_a_fill_that_began_before_an_invalidation_is_refused(pair, origin, things_of, valkey, held_up):
    a, b = pair
    before = await held_up(a)
    await b.client.invalidate(["product:1"])
    origin.gates[0].set()

    assert await before == {"1": "edition 1"}  # who asked before may hear what was so before
    with valkey.plain as plain:
        assert plain.keys("*:values:*") == []
    assert await things_of(b, "1") == await things_of(a, "1") == {"1": "edition 2"}


async def test_who_joins_late_gets_what_is_so_after_the_invalidation(pair, origin, things_of, held_up):
    a, b = pair
    before = await held_up(a)
    await a.client.invalidate(["product:1"])

    late = [asyncio.create_task(things_of(peer, "1")) for peer in (a, b) for _ in range(10)]
    await asyncio.sleep(0)
    origin.gates[0].set()

    assert await asyncio.gather(*late) == [{"1": "edition 2"}] * 20
    assert await before == {"1": "edition 1"}
    assert len(origin.asked) == 2


async def test_fifty_cold_reads_in_each_of_two_processes_ask_the_origin_once(pair, origin, things_of, until):
    origin.gates = [asyncio.Event()]
    reads = [asyncio.create_task(things_of(peer, "1", "2")) for peer in pair for _ in range(50)]
    await until(lambda: origin.asked)
    origin.gates[0].set()

    assert await asyncio.gather(*reads) == [{"1": "edition 1", "2": "edition 1"}] * 100
    assert origin.asked == [["1", "2"]]


async def test_who_waits_for_another_process_in_vain_asks_himself(pair, origin, things_of, until, monkeypatch):
    monkeypatch.setattr("shop.platform.http.filling._PATIENCE", 0.03)  # a second is long for a test
    a, b = pair
    origin.gates = [asyncio.Event()]
    slow = asyncio.create_task(things_of(a, "1"))
    await until(lambda: origin.asked)

    assert await things_of(b, "1") == {"1": "edition 1"}
    origin.gates[0].set()
    await slow
    assert len(origin.asked) == 2


async def test_who_fails_lets_the_other_process_ask_at_once(pair, origin, things_of, until):
    a, b = pair
    origin.gates = [asyncio.Event()]
    origin.answer = lambda _: httpx.Response(500) if len(origin.asked) == 1 else page_of_things("second")
    failing = asyncio.create_task(things_of(a, "1"))
    await until(lambda: origin.asked)
    waiting = asyncio.create_task(things_of(b, "1"))
    await asyncio.sleep(0.01)
    assert len(origin.asked) == 1
    origin.gates[0].set()

    with pytest.raises(OriginUnavailable):
        await failing
    async with asyncio.timeout(0.5):  # half of what it would wait for the lease
        assert await waiting == {"1": "second"}


async def test_a_crash_between_invalidating_and_deleting_leaves_what_nobody_can_read(pair, origin, things_of, valkey):
    a, b = pair
    await things_of(a, "1")
    origin.edition = 2
    a.layer._reclaim = lambda *_: asyncio.sleep(0)  # what a killed process does
    await a.client.invalidate(["product:1"])

    with valkey.plain as plain:
        [value] = plain.keys("*:values:*")
        assert b"edition 1" in plain.get(value)
        assert plain.pttl(value) > 0
        [aside] = plain.keys("*:reclaim:*")
        assert plain.pttl(aside) > 0
    assert await things_of(b, "1") == await things_of(a, "1") == {"1": "edition 2"}


async def test_deleting_spares_what_was_kept_since(peers, valkey, origin, things_of, until):
    a, b = await peers(valkey), await peers(valkey)
    reclaim, gate = a.layer._reclaim, asyncio.Event()

    async def late(*args):
        await gate.wait()
        await reclaim(*args)

    a.layer._reclaim = late
    await things_of(a, "1")
    origin.edition = 2
    await a.client.invalidate(["product:1"])
    await things_of(a, "1")
    gate.set()
    with valkey.plain as plain:
        await until(lambda: not plain.keys("*:reclaim:*"))

    assert await things_of(b, "1") == {"1": "edition 2"}
    assert len(origin.asked) == 2


async def test_a_tag_with_20000_entries_is_dropped_in_one_step_and_deleted_in_many(peers, valkey, until):
    peer = await peers(valkey, over=Pages(lambda _: page(1, cache_tags="all")))
    layer = peer.layer
    answer = (await peer.client.get("/page", type=Page)).entry.stored
    looked = await layer.look_up(["/x"])
    token = looked["/x"].token
    for begin in range(0, 20_000, 500):
        await layer.store({f"/page/{n}": answer for n in range(begin, begin + 500)}, token)
    with valkey.plain as plain:
        assert plain.zcard("{catalog-cache}:cache-tags:all") == 20_001
        plain.config_resetstat()

        await peer.client.invalidate(["all"])

        calls = {name: told["calls"] for name, told in plain.info("commandstats").items()}
        assert calls["cmdstat_rename"] == 1
        found = await layer.look_up([f"/page/{n}" for n in range(0, 20_000, 400)])
        assert not any(one.stored for one in found.values())
        await until(lambda: not layer._reclaiming, 30)
        assert (
            plain.keys("*:reclaim:*")
            == plain.keys("*:values:*")
            == plain.keys("*:metadata:*")
            == plain.keys("*:ids:*")
            == []
        )


async def test_everything_flushed_during_a_fill_keeps_nothing_from_before(pair, origin, things_of, valkey, held_up):
    a, b = pair
    before = await held_up(a)
    await b.client.invalidate(["product:1"])
    with valkey.plain as plain:
        plain.flushall()  # and the invalidation is forgotten
    await things_of(b, "2")  # which begins a new clock
    origin.gates[0].set()
    await before

    assert await things_of(b, "1") == {"1": "edition 2"}
    assert await things_of(a, "1") == {"1": "edition 2"}


async def test_a_token_of_another_clock_keeps_nothing(peers, valkey):
    peer = await peers(valkey, over=Pages(lambda _: page(1)))
    answer = (await peer.client.get("/page", type=Page)).entry.stored
    token = (await peer.layer.look_up(["/x"]))["/x"].token

    kept = await peer.layer.store({"/x": answer}, Token(epoch="another", clock=99, owner=token.owner))

    assert kept == set()
    assert (await peer.layer.look_up(["/x"]))["/x"].stored is None


async def test_expired_members_of_a_tag_are_swept_when_something_is_kept_under_it(peers, valkey):
    peer = await peers(valkey, over=Pages(lambda _: page(1)))
    with valkey.plain as plain:
        plain.zadd("{catalog-cache}:cache-tags:all", {"long-gone": 1})
        await peer.client.get("/page", type=Page)

        assert b"long-gone" not in plain.zrange("{catalog-cache}:cache-tags:all", 0, -1)


async def test_every_key_that_a_script_touches_is_declared_and_in_one_slot(pair, things_of, valkey, until):
    a, _ = pair
    with valkey.plain as plain, plain.monitor() as monitor:
        await things_of(a, "1", "2")
        await a.client.invalidate(["product:1", "product:2"])
        await until(lambda: not a.layer._reclaiming)
        plain.ping()
        commands = list(_until_ping(monitor))
    declared = set()
    touched = 0
    for client, command in commands:
        words = command.split(" ")
        if words[0] == "EVALSHA":
            declared = set(words[3 : 3 + int(words[2])])
        elif client == "lua" and words[0] not in {"TIME", "PUBLISH"}:
            keys = words[1:] if words[0] == "UNLINK" else words[1:3] if words[0] == "RENAME" else words[1:2]
            assert set(keys) <= declared, command
            assert all(key.startswith("{catalog-cache}:") for key in keys)
            touched += len(keys)
    assert touched > 20


def _until_ping(monitor):
    for told in iter(partial(monitor.next_command), None):
        if told["command"].upper() == "PING" and told["client_type"] != "lua":
            return
        yield told["client_type"], told["command"]
