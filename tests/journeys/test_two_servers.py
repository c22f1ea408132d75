"""Two servers on one store and one Redis: real processes, as the README starts them."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
from itertools import count

import pytest

from torture.client import Client, Progress, keys_of
from torture.server import SHOP, serving
from torture.store import deliveries
from torture.valkey import Valkey

CLERK = ("staff", "clerk")
ADA = ("customer", "ada")


@pytest.fixture
def valkey(tmp_path_factory):
    server = Valkey(tmp_path_factory.mktemp("v"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def both(tmp_path, valkey):
    """A client of each."""
    data = tmp_path / "data"
    with serving(data, settings={"SHOP_REDIS_URL": valkey.url}) as one:
        keys = keys_of(one)
        await one.start()
        with serving(data, settings={"SHOP_REDIS_URL": valkey.url}) as other:
            await other.start()
            clients = [Client(server, keys, Progress()) for server in (one, other)]
            yield clients
            for client in clients:
                client.close()


async def sell(client, *, on_hand):
    told = {"productId": "cup", "sku": "cup", "name": "cup", "category": "Home", "basePrice": "9.99"}
    await client.ask("POST", "/products", who=CLERK, body=told | {"currency": "EUR"})
    await client.ask("POST", "/products/cup/stock", who=CLERK, body={"onHand": on_hand, "reason": "first"}, key="f")


async def ordered(client, key, *, who=ADA):
    body = {"items": [{"productId": "cup", "quantity": 1}]}
    return json.loads((await client.ask("POST", "/orders", who=who, body=body, key=key)).body)


async def priced(client, price):
    etag = (await client.ask("GET", "/products/cup", who=CLERK)).headers["etag"]
    token = client.keys.token(*CLERK)
    headers = {"Authorization": f"Bearer {token}", "If-Match": etag, "Content-Type": "application/json"}
    body = json.dumps({"basePrice": price, "currency": "EUR"}).encode()
    answer = await client.lines[0].ask("PUT", "/products/cup/price", headers, body)
    assert answer.status == 200, answer.body


async def remembered(client, key):
    """The server answers from its own memory what the cup costs."""

    async def from_memory():
        text = (await client.ask("GET", "/metrics", who=CLERK)).body.decode()
        return float(re.search(r'shop_catalog_reads_total\{answered_by="memory"\} (\S+)', text)[1])

    before = await from_memory()
    async with asyncio.timeout(30):
        for attempt in count():
            await ordered(client, f"{key} {client.server.port} {attempt}")
            if await from_memory() > before:
                return


async def until(holds):
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - other processes make it hold
            await asyncio.sleep(0.005)


async def test_a_price_changed_through_one_is_the_price_of_the_next_order_through_the_other(both):
    one, other = both
    await sell(one, on_hand=10_000)

    for number in range(10):
        for client in both:
            await remembered(client, f"{number}")
        changing, ordering = (one, other) if number % 2 else (other, one)
        await priced(changing, f"{number}.50")
        await until(lambda: not deliveries(one.server.data).waiting)
        for attempt in range(20):  # the message has a way to go to the other's memory
            told = await ordered(ordering, f"{number}-{attempt}")
            if told["total"] == f"{number}.50":
                break
        assert told["total"] == f"{number}.50"


async def test_what_is_sold_through_both_at_once_is_sold_once(both):
    await sell(both[0], on_hand=40)
    buyers = [[await ordered(client, "mine", who=("customer", f"c{number}")) for client in both] for number in range(3)]
    assert all(first["orderId"] == second["orderId"] for first, second in buyers)

    async def buy(number):
        customer = ("customer", f"b{number}")
        client = Client(both[number % 2].server, both[0].keys, Progress())
        copy = Client(both[1 - number % 2].server, both[0].keys, Progress())
        orders = await asyncio.gather(*(ordered(through, "mine", who=customer) for through in (client, copy)))
        client.close()
        copy.close()
        return {order["orderId"] for order in orders}

    ids = await asyncio.gather(*map(buy, range(60)))
    await until(lambda: not deliveries(both[0].server.data).waiting)

    assert all(len(one) == 1 for one in ids)
    listed = {}
    for status in ("confirmed", "cancelled", "pending"):
        page = json.loads((await both[1].ask("GET", f"/orders?status={status}&limit=100", who=CLERK)).body)
        listed[status] = len(page["data"])
    assert listed == {"confirmed": 40, "cancelled": 23, "pending": 0}


async def test_when_one_ends_the_other_goes_on_and_it_may_come_back(both):
    one, other = both
    await sell(one, on_hand=100)
    await ordered(one, "a")

    assert await asyncio.to_thread(one.server.stop) == 0
    after = await ordered(other, "b")
    await until(lambda: not deliveries(one.server.data).waiting)
    there = await other.ask("GET", f"/orders/{after['orderId']}", who=CLERK)
    await one.server.start()

    assert json.loads(there.body)["status"] == "confirmed"
    assert (await ordered(one, "b"))["orderId"] == after["orderId"]


async def test_a_server_that_does_not_share_their_redis_is_refused_in_one_line(both, valkey):
    data = both[0].server.data
    for more, wanted in (
        ({}, "SHOP_REDIS_URL"),
        ({"SHOP_REDIS_URL": f"{valkey.url}?db=1"}, "start all with the same SHOP_REDIS_URL"),
    ):
        ended = await asyncio.to_thread(
            subprocess.run, [*SHOP, "serve", "--port", "19999"], check=False, capture_output=True, timeout=30,
            env={**os.environ, "SHOP_DATA": str(data), **more},
        )  # fmt: skip

        assert ended.returncode != 0
        assert wanted in ended.stderr.decode()
        assert ended.stderr.count(b"\n") == 1
