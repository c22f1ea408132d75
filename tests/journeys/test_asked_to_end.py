"""A real server that is asked to end (SIGTERM) while customers order and pay: it finishes what it has begun."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from shop.entrypoints.monolith import opened
from shop.platform.settings import read_settings
from torture.client import Client, Progress, keys_of
from torture.kills import NOT_AT_ALL
from torture.run import Plan, torture
from torture.server import HOST, serving
from torture.store import deliveries
from torture.wire import Line

CLERK = ("staff", "clerk")
_NEVER_BY_ITSELF = """
import asyncio, os, sys
from shop.entrypoints.monolith import opened
from shop.entrypoints.serving import serve
from shop.platform.settings import read_settings

settings = read_settings(os.environ)

async def begin(shop):
    print("begun", flush=True)
    if sys.argv[2] == "begin":
        await asyncio.Event().wait()

shop = opened(settings, serving=True)
serve(settings, shop, host="127.0.0.1", port=int(sys.argv[1]), begin=begin, patience=3600)
print("closed", flush=True)
"""


async def differences(data: Path) -> list[str]:
    """What the three contexts' own audits find in a store that nobody uses."""
    async with opened(read_settings({"SHOP_DATA": str(data)})) as shop:
        audits = [shop.catalog.audit(), shop.orders.audit(), shop.rewards.audit()]
        return [difference for audit in audits for difference in [one async for one in audit()]]


async def test_nothing_is_lost_or_half_done_when_the_server_is_asked_to_end_while_customers_order_and_pay(tmp_path):
    data = tmp_path / "data"
    plan = Plan(seed=20_261, kills=2, orders=100, shares={NOT_AT_ALL: 1})

    report = await torture(plan, data)

    assert [fault for check in report.checks for fault in check.faults] == []
    assert report.kills == Counter({NOT_AT_ALL: 2})
    assert report.acts.total() == 100
    assert await differences(data) == []


async def sell(client: Client, product: str) -> None:
    told = {"productId": product, "sku": product, "name": product, "category": "Home", "basePrice": "9.99"}
    await client.ask("POST", "/products", who=CLERK, body=told | {"currency": "EUR"})
    delivery = {"onHand": 1_000_000, "reason": "first"}
    await client.ask("POST", f"/products/{product}/stock", who=CLERK, body=delivery, key=f"first-{product}")


def half_an_order(port: int, token: str, *, key: str) -> tuple[socket.socket, bytes]:
    """A connection on which a request has begun, and what is still to be sent."""
    body = json.dumps({"items": [{"productId": "mug", "quantity": 1}]}).encode()
    head = (
        f"POST /orders HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection = socket.create_connection((HOST, port), timeout=30)
    connection.sendall(head.encode() + body[:10])
    return connection, body[10:]


async def half_an_order_as_soon_as_it_serves(port: int, token: str) -> socket.socket:
    async with asyncio.timeout(30):
        while True:
            try:
                return half_an_order(port, token, key="half")[0]
            except OSError:
                await asyncio.sleep(0.01)


async def until_what_was_sent_has_arrived(port: int) -> None:
    """The server reads what arrived before before it answers what comes after."""
    line = Line(HOST, port)
    assert (await line.ask("GET", "/health/live")).status == 200
    line.close()


async def until_it_accepts_nobody(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                socket.create_connection((HOST, port), timeout=5).close()
            except OSError:
                return
            await asyncio.sleep(0.01)


async def until_all_is_delivered(data: Path) -> None:
    async with asyncio.timeout(30):
        while deliveries(data).waiting:  # noqa: ASYNC110 - another process makes them
            await asyncio.sleep(0.01)


def all_of(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


async def test_a_request_that_has_begun_is_answered_and_nobody_else_is_let_in(tmp_path):
    data = tmp_path / "data"
    with serving(data) as server:
        keys = keys_of(server)
        await server.start()
        client = Client(server, keys, Progress())
        await sell(client, "mug")
        idle = client.lines[0]._streams[0]
        begun, rest = half_an_order(server.port, keys.token("customer", "ann"), key="half")
        await until_what_was_sent_has_arrived(server.port)
        server.ask_to_stop()
        await until_it_accepts_nobody(server.port)
        assert await idle.read() == b""
        assert server.process.poll() is None

        begun.sendall(rest)
        answer = await asyncio.to_thread(all_of, begun)
        code = await asyncio.to_thread(server.process.wait, 60)
        begun.close()

        assert answer.startswith(b"HTTP/1.1 201 ")
        assert b"connection: close" in answer.lower()
        assert code == 0
        server.process = None
        await server.start()
        order_id = json.loads(answer.partition(b"\r\n\r\n")[2])["orderId"]
        await until_all_is_delivered(data)
        there = await client.ask("GET", f"/orders/{order_id}", who=CLERK)
        client.close()
        assert json.loads(there.body)["status"] == "confirmed"
        assert server.stop() == 0
    assert await differences(data) == []


@pytest.fixture
def patient(tmp_path):
    """A server that waits an hour for what has begun."""
    processes = []

    def started(port: int, until: str) -> subprocess.Popen[bytes]:
        environ = {"SHOP_DATA": str(tmp_path / "data"), "SHOP_LOG": "error"}
        command = [sys.executable, "-c", _NEVER_BY_ITSELF, str(port), until]
        process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE)
        processes.append(process)
        assert process.stdout.readline() == b"begun\n"
        return process

    yield started
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


async def test_a_second_signal_hangs_up_on_who_is_not_answered_yet(patient, tmp_path):
    with serving(tmp_path / "data") as unused:
        port, token = unused.port, keys_of(unused).token("customer", "ann")
    process = await asyncio.to_thread(patient, port, "serve")
    begun = await half_an_order_as_soon_as_it_serves(port, token)
    await until_what_was_sent_has_arrived(port)
    process.send_signal(signal.SIGTERM)
    await until_it_accepts_nobody(port)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)

    assert await asyncio.to_thread(process.wait, 60) == 0
    assert process.stdout.read() == b"closed\n"
    begun.close()
    assert await differences(tmp_path / "data") == []


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
async def test_a_server_that_does_not_serve_yet_ends_too(patient, tmp_path, sent):
    with serving(tmp_path / "data") as unused:
        port = unused.port
    process = await asyncio.to_thread(patient, port, "begin")

    process.send_signal(sent)

    assert await asyncio.to_thread(process.wait, 60) == 0
    assert process.stdout.read() == b"closed\n"
