"""Redis killed, frozen, back: answers still come, nothing old is given, and everything heals by itself."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from pathlib import Path

import pytest

from shop.platform.http.breaker import State
from shop.platform.http.second_layer import LayerUnavailable

READER = Path(__file__).with_name("reader.py")


@pytest.fixture
def things_of(things):
    async def act(peer, *ids):
        return {key: thing.name for key, thing in (await peer.client.get_many(things, ids)).items()}

    return act


async def test_redis_killed_during_a_fill_the_answer_still_comes(peers, mortal, origin, things_of, until):
    peer = await peers(mortal)
    origin.gates = [asyncio.Event()]
    reading = asyncio.create_task(things_of(peer, "1"))
    await until(lambda: origin.asked)
    mortal.kill()
    origin.gates[0].set()

    assert await reading == {"1": "edition 1"}


async def test_without_redis_memory_is_emptied_and_off_and_each_read_asks_the_origin_once(
    peers, mortal, origin, things_of, until
):
    peer = await peers(mortal)
    await things_of(peer, "1")
    assert len(peer.client._memory) == 1
    mortal.kill()
    await until(lambda: not peer.listening)
    assert len(peer.client._memory) == 0
    assert peer.layer._deaf  # and from now on it takes nothing from redis either, should that be back

    began = time.monotonic()
    for edition in (2, 3, 4, 5):
        origin.edition = edition
        answers = await asyncio.gather(*(things_of(peer, "1") for _ in range(50)))
        assert answers == [{"1": f"edition {edition}"}] * 50

    assert len(origin.asked) == 5
    assert len(peer.client._memory) == 0
    assert time.monotonic() - began < 2  # not four times a timeout per read


async def test_redis_back_all_is_as_before(peers, mortal, origin, things_of, until):
    a, b = await peers(mortal), await peers(mortal)
    await things_of(a, "1")
    mortal.kill()
    await until(lambda: not (a.listening or b.listening))
    await things_of(a, "1")
    mortal.start()
    await until(lambda: a.listening and b.listening)
    await until(lambda: a.layer.breaker.state is not State.OPEN and b.layer.breaker.state is not State.OPEN)
    origin.asked.clear()

    for peer in (a, b, a, b):
        await things_of(peer, "7")

    assert origin.asked == [["7"]]
    assert (a.client.answered_by["memory"], b.client.answered_by["memory"]) == (1, 1)
    await a.client.invalidate(["product:7"])
    assert a.client.invalidated == 1
    await until(lambda: b.client._memory.get("/things?ids=7", 0.0) is None)


async def test_redis_frozen_during_a_fill_costs_a_timeout_and_what_could_not_be_kept_there_is_kept_nowhere(
    peers, mortal, origin, things_of, until
):
    peer = await peers(mortal)
    origin.gates = [asyncio.Event()]
    reading = asyncio.create_task(things_of(peer, "1"))
    await until(lambda: origin.asked)
    mortal.freeze()
    origin.gates[0].set()
    began = time.monotonic()

    assert await reading == {"1": "edition 1"}
    assert time.monotonic() - began < 2
    assert len(peer.client._memory) == 0
    mortal.thaw()


async def test_redis_frozen_is_noticed_and_thawed_it_gives_nothing_that_could_not_be_invalidated(
    peers, mortal, origin, things_of, until
):
    a, b = await peers(mortal), await peers(mortal)
    await things_of(a, "1")  # and this outlives the outage, as nothing is killed
    await things_of(b, "1")
    mortal.freeze()
    origin.edition = 2
    with pytest.raises(LayerUnavailable):
        await a.client.invalidate(["product:1"])
    assert a.client.invalidated == 0
    assert await things_of(a, "1") == {"1": "edition 2"}
    await until(lambda: not (a.listening or b.listening))
    assert len(a.client._memory) == len(b.client._memory) == 0
    mortal.thaw()
    await until(lambda: a.listening and b.listening)

    assert not a.layer._owed
    assert await things_of(a, "1") == {"1": "edition 2"}
    assert await things_of(b, "1") == {"1": "edition 2"}


async def test_an_import_of_a_whole_catalog_while_redis_is_away_is_made_up_for(peers, mortal, until):
    peer = await peers(mortal)
    mortal.kill()
    await until(lambda: not peer.listening)
    with pytest.raises(LayerUnavailable):
        await peer.client.invalidate([f"product:{number}" for number in range(100_000)])  # more than fit in a timeout
    mortal.start()

    await until(lambda: peer.listening)
    assert not peer.layer._owed
    with mortal.plain as plain:
        assert plain.hlen("{catalog-cache}:versions") == 100_002  # and the epoch and the clock


async def test_a_process_that_was_stopped_for_a_while_does_not_trust_its_memory(peers, mortal, origin, things_of):
    peer = await peers(mortal)
    await things_of(peer, "1")
    peer.client._listening.cancel()  # as if it had been frozen with the rest
    await asyncio.gather(peer.client._listening, return_exceptions=True)
    memory, peer.layer._deaf = peer.client._memory, False
    memory.on()
    await things_of(peer, "1")
    assert len(memory) == 1
    memory.trust(time.monotonic() - 0.001)
    origin.edition = 2

    await peer.layer.invalidate(["product:1"])

    assert await things_of(peer, "1") == {"1": "edition 2"}


async def test_who_begins_without_redis_serves_and_listens_when_it_comes(peers, mortal, origin, things_of, until):
    mortal.kill()
    peer = await peers(mortal, listening=False)
    await peer.client.open()
    assert await things_of(peer, "1") == {"1": "edition 1"}
    assert await things_of(peer, "1") == {"1": "edition 1"}
    assert len(origin.asked) == 2
    mortal.start()

    await until(lambda: peer.listening)


async def test_two_real_processes_with_fifty_cold_reads_each_ask_the_origin_once(valkey):
    asked = []

    async def answer(reader, writer):
        request = await reader.readuntil(b"\r\n\r\n")
        asked.append(request.split(b" ")[1])
        await asyncio.sleep(0.05)  # it is slow
        body = b'{"edition":1}'
        head = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=300\r\nContent-Length: 13\r\nConnection: close\r\n\r\n"
        writer.write(head + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, str(READER), valkey.url, str(port), stdin=-1, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(2)
    ]
    for process in processes:
        assert await process.stdout.readline() == b"ready\n"
    for process in processes:
        process.stdin.write(b"go\n")
    told = [await process.communicate() for process in processes]
    server.close()

    assert [out for out, _ in told] == [b"50 x {1}\n"] * 2
    assert asked == [b"/page"]


@pytest.fixture
def swallowed(monkeypatch):
    """From now on a task is cancelled in the very moment its command has been sent, which Python 3.11 swallows."""
    wait_for = asyncio.wait_for

    def begin():
        async def swallowing(*what):
            sent = await wait_for(*what)
            asyncio.current_task().cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0)
            return sent

        monkeypatch.setattr(asyncio, "wait_for", swallowing)

    return begin


async def test_a_listener_ends_when_it_is_told_to_though_that_was_swallowed(peers, mortal, swallowed):
    peer = await peers(mortal)
    swallowed()

    ended, _ = await asyncio.wait([peer.client._listening], timeout=10)

    assert [task.cancelled() for task in ended] == [True]


@pytest.mark.parametrize("redis", ["answers", "is dead"])
async def test_a_read_ends_with_its_task_though_that_was_swallowed(peers, mortal, things_of, swallowed, redis):
    peer = await peers(mortal, listening=False)
    await things_of(peer, "1")
    if redis == "is dead":
        mortal.freeze()
    swallowed()

    reading = asyncio.create_task(peer.layer.look_up(["/things?ids=2"]))
    ended, _ = await asyncio.wait([reading], timeout=10)
    if redis == "is dead":
        mortal.thaw()

    assert [task.cancelled() for task in ended] == [True]


async def test_what_somebody_could_not_invalidate_before_he_ended_is_not_given_after_the_outage(
    peers, mortal, origin, things_of, until
):
    a, b = await peers(mortal), await peers(mortal)
    await things_of(a, "1")
    await things_of(b, "1")
    mortal.freeze()
    origin.edition = 2
    with pytest.raises(LayerUnavailable):
        await a.client.invalidate(["product:1"])
    await until(lambda: not b.listening)
    await a.client.close()
    mortal.thaw()
    await until(lambda: b.listening)

    assert await things_of(b, "1") == {"1": "edition 2"}


async def test_while_it_does_not_hear_of_changes_a_process_takes_nothing_from_redis(peers, valkey, origin, things_of):
    a, deaf = await peers(valkey), await peers(valkey)
    await things_of(a, "1")
    deaf.layer._deaf = True

    origin.edition = 2
    assert await things_of(deaf, "1") == {"1": "edition 2"}


async def test_a_redis_that_is_full_and_evicts_nothing_still_invalidates(peers, mortal, origin, things_of, until):
    a, b = await peers(mortal), await peers(mortal)
    await things_of(a, "1")
    await things_of(b, "1")
    with mortal.plain as plain:
        plain.config_set("maxmemory-policy", "noeviction")
        plain.config_set("maxmemory", "1")
    origin.edition = 2
    await a.client.invalidate(["product:1"])
    await until(lambda: b.client._memory.get("/things?ids=1", time.monotonic()) is None)

    assert await things_of(b, "1") == {"1": "edition 2"}


async def test_a_message_that_is_no_text_makes_nobody_deaf(peers, mortal, origin, things_of, until):
    a, b = await peers(mortal), await peers(mortal)
    with mortal.plain as plain:
        plain.publish("{catalog-cache}:invalidated", b"\xff\xfe")
    await things_of(b, "1")
    origin.edition = 2
    await a.client.invalidate(["product:1"])
    await until(lambda: len(b.client._memory) == 0 or b.client._memory.get("/things?ids=1", time.monotonic()) is None)

    assert b.listening
    assert await things_of(b, "1") == {"1": "edition 2"}


async def test_who_begins_afresh_is_given_nothing_of_those_before(peers, mortal, origin, things_of, until):
    await things_of(await peers(mortal), "1")
    origin.edition = 2
    later = await peers(mortal, listening=False)
    await later.client.open(afresh=True)
    await until(lambda: later.listening)

    assert await things_of(later, "1") == {"1": "edition 2"}
