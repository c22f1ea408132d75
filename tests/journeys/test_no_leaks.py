"""Secrets, tokens and what concerns people stay where they belong: a server in a process of its own, everything that
can go wrong, and then a search for canaries in all it wrote into its log, its events, its spans and every refusal.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from emulator.collector import Collector, collecting
from shop.kernel.clock import system_clock
from shop.platform import signatures
from shop.platform.tokens import Tokens

CUSTOMER = "canary-customer@example.com"
JWT_KEY, SECRET = "canary-jwt-key-" + "k" * 32, "canary-payment-secret-" + "s" * 32
OF_THE_ORDER = {
    "reference": "canary-reference",
    "shippingAddress": {"name": "canary-name", "canary-address-field": "canary-street 1"},
    "metadata": {"note": "canary-note", "canary-metadata-field": "1"},
}
KEY = "canary-idempotency-key"


@dataclass
class Watched:
    """A server and all that it has said."""

    http: httpx.AsyncClient
    data: Path
    process: asyncio.subprocess.Process
    seen: Collector
    refusals: list[bytes] = field(default_factory=list)

    def bearer(self, role: str = "customer", key: str = JWT_KEY) -> dict[str, str]:
        tokens = Tokens(key, clock=system_clock)
        token = tokens.sign(subject=CUSTOMER, role=role, lifetime=timedelta(hours=1))
        return {"Authorization": f"Bearer {token}"}

    async def ask(self, status: int, method: str, path: str, **more: Any) -> httpx.Response:
        answer = await self.http.request(method, path, **more)
        assert answer.status_code == status, answer.text
        if status >= 400:
            self.refusals.append(answer.content + str(answer.headers).encode())
        return answer

    async def tell_payment(self, status: int, order: dict[str, Any], *, secret: str = SECRET, **other: Any) -> None:
        told = {"paymentId": "canary-payment", "orderId": order["orderId"], "amount": order["total"]}
        body = json.dumps(told | {"currency": "EUR", "status": "completed"} | other).encode()
        signature = signatures.sign(secret=secret, at=datetime.now(UTC), body=body)
        await self.ask(status, "POST", "/payments/webhook", content=body, headers={"Payment-Signature": signature})

    async def place(self) -> dict[str, Any]:
        headers = self.bearer() | {"Idempotency-Key": KEY}
        body = {"items": [{"productId": "cup", "quantity": 1}], **OF_THE_ORDER}
        return dict((await self.ask(201, "POST", "/orders", json=body, headers=headers)).json())

    async def stopped(self) -> str:
        """Its log."""
        self.process.terminate()
        out, err = await asyncio.wait_for(self.process.communicate(), 15)
        return (out + err).decode()

    def store(self) -> Any:
        return closing(sqlite3.connect(self.data / "shop.db", isolation_level=None))


@pytest.fixture
def seen() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture
async def watched(tmp_path, seen) -> AsyncIterator[Watched]:
    environ = {"SHOP_DATA": str(tmp_path), "SHOP_LOG": "debug", "SHOP_JWT_KEY": JWT_KEY, "SHOP_PAYMENT_SECRETS": SECRET}
    environ |= seen.environ
    script = (
        "import asyncio, sys; from pathlib import Path\n"
        "from shop.entrypoints.monolith import opened\n"
        "from shop.entrypoints.serving import server_of\n"
        "from shop.platform.observability import configure_logs; from shop.platform.settings import read_settings\n"
        "import os\n"
        "async def main():\n"
        "    settings = read_settings(os.environ); configure_logs(settings.log_level)\n"
        "    async with opened(settings, serving=True) as shop:\n"
        "        server = server_of(shop, host='127.0.0.1', port=0)\n"
        "        serving = asyncio.create_task(server.serve())\n"
        "        while not server.started: await asyncio.sleep(0.01)\n"
        "        print(server.servers[0].sockets[0].getsockname()[1], flush=True)\n"
        "        await serving\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        script,
        env=os.environ | environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=2**20,
    )
    assert process.stdout
    port = int(await asyncio.wait_for(process.stdout.readline(), 20))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        yield Watched(http, tmp_path, process, seen)
    if process.returncode is None:
        process.kill()
        await process.wait()


async def _everything_that_can_go_wrong(watched: Watched) -> None:
    """An order with all that is its owner's; then wrong tokens and signatures, bad bodies, a store that is damaged."""
    staff = watched.bearer("staff")
    cup = {"productId": "cup", "sku": "cup", "name": "Cup", "category": "Home", "basePrice": "9.99", "currency": "EUR"}
    await watched.ask(201, "POST", "/products", json=cup, headers=staff)
    stocked = {"json": {"onHand": 10, "reason": "first"}, "headers": staff | {"Idempotency-Key": "first"}}
    await watched.ask(200, "POST", "/products/cup/stock", **stocked)
    order = await watched.place()
    mine = f"/orders/{order['orderId']}"
    await watched.ask(200, "GET", f"/orders?customerId={CUSTOMER}", headers=staff)
    await watched.ask(200, "GET", f"/rewards/{CUSTOMER}", headers=watched.bearer())
    await watched.ask(404, "GET", f"/nowhere/{CUSTOMER}?name=canary-query", headers=watched.bearer())
    await watched.ask(404, "GET", "/rewards/somebody-else", headers=watched.bearer())
    await watched.ask(403, "GET", "/orders?customerId=somebody-else", headers=watched.bearer())
    await watched.ask(401, "GET", mine, headers=watched.bearer(key="canary-wrong-key-" + "x" * 32))
    await watched.ask(401, "GET", mine, headers={"Authorization": "Bearer canary-token"})
    await watched.ask(401, "GET", mine, headers={"Authorization": "Basic canary-password"})
    await watched.tell_payment(401, order, secret="canary-wrong-secret-" + "x" * 32)
    await watched.tell_payment(422, order, amount="0.01", note="canary-provider-note", paymentId="canary-payment-2")
    bad = {"items": [{"productId": "cup", "quantity": 1}], **OF_THE_ORDER, "reference": 7}
    keyed = watched.bearer() | {"Idempotency-Key": KEY}
    await watched.ask(422, "POST", "/orders", json=bad, headers=keyed)
    await watched.ask(422, "POST", "/orders", json=bad | {"reference": "canary-other"}, headers=keyed)
    await watched.ask(400, "POST", "/orders", content=b'{"reference": "canary-cut-off', headers=keyed)
    with watched.store() as store:  # what is stored can no longer be read: requests crash, and so does a reaction
        broken = b'{"order_id": 7, "reference": "canary-reference", "canary-address-field": "canary-street 1"}'
        done = store.execute("UPDATE orders_documents SET body = ?, packed = 0 WHERE key LIKE 'order/%'", (broken,))
        assert done.rowcount == 1
        await watched.ask(500, "GET", mine, headers=watched.bearer())
        await watched.ask(500, "POST", f"{mine}/cancel", headers=watched.bearer())
        store.execute(
            "INSERT INTO deliveries (event, consumer, due, attempts) SELECT seq, 'orders', 0, 0 FROM events "
            "WHERE type = 'stock.reserved'"
        )
        async with asyncio.timeout(20):
            while not store.execute("SELECT 1 FROM deliveries WHERE error IS NOT NULL").fetchone():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", watched.http.base_url.port)
    writer.write(b"GET /canary-path HTTP/1.1\r\nAuthorization Bearer canary-token\r\n\r\n")
    watched.refusals.append(await reader.read())
    writer.close()


async def test_no_canary_gets_into_the_log_the_events_the_dead_letters_the_spans_or_a_refusal(watched):
    await _everything_that_can_go_wrong(watched)
    with watched.store() as store:
        events = [bytes(body).decode() for (body,) in store.execute("SELECT body FROM events")]
        errors = [error for (error,) in store.execute("SELECT error FROM deliveries WHERE error IS NOT NULL")]
    log = await watched.stopped()

    assert len(events) >= 4
    assert len(errors) == 1
    assert len(watched.refusals) >= 14
    assert log.count('"status": 401') == 4
    assert log.count('"status": 500') == 2
    assert "delivery.failed" in log
    assert "canary" not in log, [line for line in log.splitlines() if "canary" in line]
    assert "canary" not in "".join(errors)
    assert not [refusal for refusal in watched.refusals if b"canary" in refusal]
    assert len(watched.seen.of("process order.created")) == 1
    assert len([one for one in watched.seen.spans if one.failed]) >= 3
    assert not [body for body in watched.seen.raw if b"canary" in body]
    for event in events:  # events do name the customer and the payment, by their ids alone
        told = event.replace(CUSTOMER, "").replace('"canary-payment', '"')
        assert "canary" not in told, event


async def test_log_lines_name_the_route_and_not_the_path(watched):
    await watched.ask(404, "GET", "/orders/ord_canary?name=ada", headers=watched.bearer())
    lines = [json.loads(line) for line in (await watched.stopped()).splitlines() if line.startswith("{")]
    [asked] = [line for line in lines if line["event"] == "request"]

    assert asked["route"] == "/orders/{order_id}"
    assert asked["status"] == 404
    assert asked["request_id"].startswith("req_")
    assert asked.keys() == {
        "event", "method", "route", "status", "context", "request_id", "trace_id", "level", "timestamp",
    }  # fmt: skip
    assert asked["context"] == "orders"
