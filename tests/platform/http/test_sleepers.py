"""Who stands still between events, as a function does: what is in its memory may be old, what is in Redis is not."""

from __future__ import annotations

import asyncio
import secrets
import time
from datetime import UTC, datetime
from functools import partial

import pytest

from shop.platform.http.breaker import Breaker
from shop.platform.http.client import Client
from shop.platform.http.redis_layer import RedisLayer
from shop.platform.http.second_layer import LayerUnavailable
from shop.platform.http.telling import Telling
from shop.platform.lambda_adapter import Awake


def layer(server, *, sleeps: bool = True) -> RedisLayer:
    nonce = partial(secrets.token_hex, 8)
    return RedisLayer(server.url, origin="http://origin", now=time.monotonic, nonce=nonce, sleeps=sleeps)


@pytest.fixture
async def client_of(origin):
    """A process on a Valkey that sleeps, or not."""
    made: list[Client] = []

    def act(server, *, sleeps: bool = True) -> Client:
        made.append(
            Client(
                origin,
                base_url="http://origin",
                budget=5,
                now=time.monotonic,
                wall=lambda: datetime.now(UTC),
                most=1024 * 1024,
                shared=layer(server, sleeps=sleeps),
            )
        )
        return made[-1]

    yield act
    for client in made:
        await client.close()


@pytest.fixture
async def teller(valkey):
    told = Telling(lambda: layer(valkey))
    yield told
    await told.close()


async def awake(client: Client) -> None:
    """It has been woken, and hears."""
    await client.wake()
    async with asyncio.timeout(5):
        while client._memory._off:  # noqa: ASYNC110 - has no bell
            await asyncio.sleep(0)


async def asleep(client: Client) -> None:
    """Its loop stands still, as far as it can while others' goes on: it hears nothing, and its connection is gone."""
    listening = client._listening
    assert listening is not None
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def told_of(edition: str, client: Client, things) -> None:
    """Waits until it is told this one."""
    async with asyncio.timeout(5):
        while (await client.get_many(things, ["p1"]))["p1"].name != edition:  # noqa: ASYNC110 - has no bell
            await asyncio.sleep(0)  # for what is on its way in


def epochs(server) -> set[bytes]:
    """The epoch of what is shared: another one means that everything was forgotten."""
    with server.plain as plain:
        return {plain.hget(key, "#epoch") for key in plain.keys("*versions*")}


async def test_after_waking_it_hears_and_finds_in_redis_what_was_there(valkey, client_of, origin, things):
    client = client_of(valkey)
    await awake(client)
    assert (await client.get_many(things, ["p1"]))["p1"].name == "edition 1"

    await client.wake()

    assert (await client.get_many(things, ["p1"]))["p1"].name == "edition 1"
    assert origin.asked == [["p1"]]
    assert client.answered_by["redis"] == 1


async def test_what_is_in_memory_is_not_trusted_after_a_sleep(valkey, client_of, teller, origin, things):
    client = client_of(valkey)
    await awake(client)
    await client.get_many(things, ["p1"])
    await asleep(client)
    origin.edition = 2
    await teller.invalidate(["product:p1"])

    await client.wake()

    assert (await client.get_many(things, ["p1"]))["p1"].name == "edition 2"


async def test_while_awake_it_hears_and_needs_no_redis_for_what_it_has(valkey, client_of, teller, origin, things):
    client = client_of(valkey)
    await awake(client)
    for _ in range(3):
        await client.get_many(things, ["p1"])
    assert client.answered_by["memory"] == 2

    origin.edition = 2
    await teller.invalidate(["product:p1"])

    await told_of("edition 2", client, things)


async def test_an_event_after_a_sleep_is_answered_with_the_new_price(valkey, client_of, teller, origin, things, clock):
    client = client_of(valkey)

    async def act(product_id):
        return (await client.get_many(things, [product_id]))[product_id].name

    function = Awake(act, wake=client.wake, wall=clock)
    await awake(client)
    assert await function("p1") == "edition 1"
    await asleep(client)
    origin.edition = 2
    await teller.invalidate(["product:p1"])
    clock.now = clock.now.replace(hour=5)

    assert await function("p1") == "edition 2"


async def _deaf_and_hearing_again(server, client, until) -> None:
    """Its subscription is cut by the server, and made anew."""
    await awake(client)
    with server.plain as plain:
        assert plain.execute_command("CLIENT", "KILL", "TYPE", "pubsub") == 1
    await until(lambda: client._memory._off)
    await until(lambda: not client._memory._off)


async def test_a_sleeper_that_lost_its_subscription_forgets_what_is_in_memory_alone(
    valkey, client_of, origin, things, until
):
    client = client_of(valkey)
    await awake(client)
    await client.get_many(things, ["p1"])
    before = epochs(valkey)

    await _deaf_and_hearing_again(valkey, client, until)

    await client.get_many(things, ["p1"])
    assert epochs(valkey) == before
    assert origin.asked == [["p1"]]


async def test_who_does_not_sleep_forgets_all_when_it_lost_its_subscription(valkey, client_of, origin, things, until):
    client = client_of(valkey, sleeps=False)
    await client.open()
    await until(lambda: not client._memory._off)
    await client.get_many(things, ["p1"])
    before = epochs(valkey)

    with valkey.plain as plain:
        plain.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    await until(lambda: client._memory._off)
    await until(lambda: not client._memory._off)

    await client.get_many(things, ["p1"])
    assert epochs(valkey) != before
    assert origin.asked == [["p1"], ["p1"]]


async def test_a_redis_that_does_not_answer_holds_up_the_first_event_a_moment_only(
    mortal, client_of, origin, things, until
):
    client = client_of(mortal)
    await awake(client)
    await client.get_many(things, ["p1"])
    mortal.freeze()
    origin.edition = 2

    async with asyncio.timeout(5):
        await client.wake()

        assert (await client.get_many(things, ["p1"]))["p1"].name == "edition 2"  # asked, as nobody hears
    mortal.thaw()
    await until(lambda: not client._memory._off)


async def test_waking_again_and_again_leaves_one_subscription(valkey, client_of, until):
    client = client_of(valkey)

    for _ in range(20):
        await client.wake()

    with valkey.plain as plain:
        await until(lambda: len(plain.client_list(_type="pubsub")) == 1)


async def test_waking_without_a_redis_is_nothing(client, names, origin):
    await names("p1")

    await client.wake()

    assert await names("p1") == {"p1": "edition 1"}
    assert len(origin.asked) == 1


# Telling


async def test_who_only_tells_is_heard_by_those_who_read(valkey, peers, teller, origin, things):
    reader = await peers(valkey)
    await reader.client.get_many(things, ["p1", "p2"])
    origin.edition = 2

    await teller.invalidate(["product:p1"])

    await told_of("edition 2", reader.client, things)
    assert (await reader.client.get_many(things, ["p2"]))["p2"].name == "edition 1"


async def test_who_tells_after_a_sleep_in_which_its_connections_were_cut_is_heard_at_once(valkey, teller):
    await teller.invalidate(["product:p1"])
    with valkey.plain as plain:
        plain.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    await teller.invalidate(["product:p2"])


async def test_what_cannot_be_told_is_said_so_that_it_is_told_again(mortal):
    told = Telling(lambda: layer(mortal))
    mortal.kill()

    with pytest.raises(LayerUnavailable):
        await told.invalidate(["product:p1"])
    await told.close()
    assert told.invalidated == 0


async def test_who_only_tells_does_not_give_up_at_once():
    class Away:
        left, told, breaker = 2, (), Breaker(now=time.monotonic)

        async def invalidate(self, tags):
            if self.left:
                self.left -= 1
                raise LayerUnavailable("redis did not answer a moment ago")
            self.told = tags

    layer_away = Away()
    told = Telling(lambda: layer_away)

    await told.invalidate(["product:p1"])

    assert (layer_away.left, layer_away.told, told.invalidated) == (0, ["product:p1"], 1)


async def test_who_has_told_nothing_has_loaded_nothing():
    loaded = []
    told = Telling(lambda: loaded.append(1))

    await told.close()

    assert (loaded, told.breakers) == ([], {})
