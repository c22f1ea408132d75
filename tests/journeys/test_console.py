"""What the console asks of a shop that serves: the stream over a socket, what failed, and what a demo has besides."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import httpx
import msgspec
import pytest

from shop.entrypoints.monolith import opened
from shop.entrypoints.serving import server_of


@pytest.fixture
def impatient(settings):
    return replace(settings, delivery_attempts=2)


@asynccontextmanager
async def served(settings, **more):
    """A shop on a socket of its own, and a client of it."""
    async with opened(settings, serving=True, **more) as shop:
        server = server_of(shop, host="127.0.0.1", port=0, patience=5)
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn tells nobody
            await asyncio.sleep(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as http:
            yield shop, server, http
        server.finish()
        shop.ends()
        await serving


async def messages(answer):
    """What a stream of server-sent events says, as it comes."""
    kind = None
    async for line in answer.aiter_lines():
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, msgspec.json.decode(value)


def bearer(shop, role="staff", subject="clerk"):
    return {"Authorization": f"Bearer {shop.tokens.sign(subject=subject, role=role, lifetime=timedelta(hours=1))}"}


async def sell(http, staff):
    product = {
        "productId": "cup",
        "sku": "cup",
        "name": "Cup",
        "category": "Home",
        "basePrice": "9.00",
        "currency": "EUR",
    }
    assert (await http.post("/products", headers=staff, json=product)).status_code == 201
    stock = {"onHand": 5, "reason": "first delivery"}
    moved = await http.post("/products/cup/stock", headers=staff | {"Idempotency-Key": "first"}, json=stock)
    assert moved.status_code == 200


async def order(http, customer):
    items = {"items": [{"productId": "cup", "quantity": 1}]}
    placed = await http.post("/orders", headers=customer | {"Idempotency-Key": "one"}, json=items)
    assert placed.status_code == 201
    return placed.json()


async def pay(http, staff, placed):
    """As the page does it: signed by the playground, sent by the page."""
    paid = {"paymentId": "p1", "orderId": placed["orderId"], "amount": placed["toPay"], "currency": "EUR"}
    body = json.dumps(paid | {"status": "completed"})
    signed = (await http.post("/console/demo/signatures", headers=staff, json={"body": body})).json()
    told = await http.post("/payments/webhook", headers={"Payment-Signature": signed["signature"]}, content=body)
    assert told.status_code == 200


async def until(ask, holds):
    async with asyncio.timeout(10):
        while not holds(found := await ask()):  # noqa: ASYNC110 - asked over HTTP
            await asyncio.sleep(0.01)
    return found


async def test_who_looks_on_sees_an_order_go_from_its_commit_to_its_points(settings):
    async with served(settings, playing=True) as (shop, _, http):
        staff = bearer(shop)
        await sell(http, staff)
        seen, figures = [], []
        async with asyncio.timeout(20), http.stream("GET", "/console/stream", headers=staff) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            placed = await order(http, bearer(shop, "customer", "ada"))
            await pay(http, staff, placed)
            async for kind, told in messages(answer):
                if kind == "figures":
                    figures.append(told)
                    continue
                seen += [(m["what"], m["event"]["type"], m.get("consumer")) for m in told]
                if ("delivered", "reward.issued", "orders") in seen and figures:
                    break

    for what in (
        ("committed", "order.created", None), ("published", "order.created", None),
        ("delivered", "order.created", "catalog"), ("delivered", "stock.reserved", "orders"),
        ("delivered", "payment.completed", "orders"), ("delivered", "order.completed", "rewards"),
        ("delivered", "order.completed", "catalog"), ("committed", "reward.issued", None),
    ):  # fmt: skip
        assert seen.count(what) == 1, what
    assert figures[0]["circuits"] == {"catalog": "closed"}
    assert figures[0]["dead"] == 0


async def test_who_comes_back_is_told_what_came_since(settings):
    async with served(settings) as (shop, _, http):
        staff = bearer(shop)
        await sell(http, staff)
        await until(lambda: _idle(shop), bool)
        async with asyncio.timeout(10), http.stream("GET", "/console/stream", headers=staff) as answer:
            last = (await first_moments(answer))[-1]["n"]
        await order(http, bearer(shop, "customer", "ada"))
        async with asyncio.timeout(10), http.stream("GET", f"/console/stream?after={last}", headers=staff) as answer:
            told = await first_moments(answer)

    assert told[0]["event"]["type"] == "order.created"
    assert all(moment["n"] > last for moment in told)


async def first_moments(answer):
    async for kind, told in messages(answer):
        if kind == "moments":
            return told
    raise AssertionError("the stream has ended")


async def _idle(shop):
    return shop.bus.idle()


async def test_what_a_broken_context_missed_is_hastened_dies_and_is_replayed(impatient):
    async with served(impatient, playing=True) as (shop, _, http):
        staff = bearer(shop)

        async def letters():
            return (await http.get("/console/letters", headers=staff)).json()

        async def points():
            return (await http.get("/rewards/ada", headers=staff)).json().get("balance")

        async def broken(*, now):
            told = {"consumer": "rewards", "broken": now}
            return (await http.post("/console/demo/breakages", headers=staff, json=told)).json()

        await sell(http, staff)
        assert await broken(now=True) == ["rewards"]
        await pay(http, staff, await order(http, bearer(shop, "customer", "ada")))
        postponed = await until(letters, lambda found: found["postponed"])
        [waiting] = postponed["postponed"]
        assert (waiting["consumer"], waiting["attempts"], waiting["event"]["type"]) == ("rewards", 1, "order.completed")
        assert waiting["reason"] == "BrokenOnPurpose: rewards was broken on purpose, in the console"

        hastened = await http.post(f"/console/letters/{waiting['id']}/hasten", headers=staff)
        assert hastened.status_code == 204
        found = await until(letters, lambda found: found["dead"])
        assert (found["deadInAll"], found["postponed"]) == (1, [])

        assert await broken(now=False) == []
        replayed = await http.post(f"/console/letters/{found['dead'][0]['id']}/replay", headers=staff)
        assert replayed.status_code == 204
        assert await until(points, lambda balance: balance) == 9
        assert await until(letters, lambda found: not found["dead"]) == {"dead": [], "deadInAll": 0, "postponed": []}
        assert "replayed" in [moment.what for moment in shop.stream.since(0)]


@pytest.mark.parametrize("act", ["replay", "hasten"])
async def test_what_is_not_there_cannot_be_tried_again(story, act):
    answer = await story.http.post(f"/console/letters/17/{act}", headers=story.bearer("clerk", "staff"))

    assert (answer.status_code, answer.json()["code"]) == (404, "not-waiting")


async def test_a_server_that_is_asked_to_end_ends_though_somebody_looks_on(settings):
    async with (
        served(settings) as (shop, server, http),
        http.stream("GET", "/console/stream", headers=bearer(shop)) as answer,
    ):
        stream = messages(answer)
        await anext(stream)
        server.finish()
        shop.ends()
        async with asyncio.timeout(3):  # less than the patience that the server has with requests
            async for _ in stream:
                pass


async def test_a_shop_that_is_no_demo_has_no_playground(settings):
    async with served(settings) as (shop, _, http):
        assert (await http.get("/console/demo")).status_code == 404
        assert (await http.post("/console/demo/breakages", headers=bearer(shop), json={})).status_code == 404


async def test_the_demo_gives_its_tokens_to_its_own_page(settings):
    async with served(settings, playing=True) as (shop, _, http):
        here = await http.get("/console/demo")
        staff = {"Authorization": f"Bearer {here.json()['staff']}"}
        customer = {"Authorization": f"Bearer {here.json()['customer']}"}

        assert here.status_code == 200
        assert (await http.get("/console/map", headers=staff)).status_code == 200
        assert (await http.get("/console/map", headers=customer)).status_code == 403
        assert shop.tokens.verify(here.json()["customer"]).subject == here.json()["customerId"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "shop.example"},
        {"Host": "127.0.0.1.shop.example:80"},
        {"Host": "127.0.0.1@shop.example"},
        {"Host": "[::1"},
        {"Origin": "https://front.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "same-site"},
        {"X-Forwarded-For": "203.0.113.7"},
        {"Forwarded": "for=203.0.113.7"},
        {"Via": "1.1 proxy"},
    ],
)
async def test_nobody_else_gets_the_tokens_of_a_demo(settings, headers):
    front = replace(settings, cors_origins=("https://front.example",))
    async with served(front, playing=True) as (_, _, http):
        answer = await http.get("/console/demo", headers=headers)

    assert answer.status_code in {400, 404}, answer.text
    assert "staff" not in answer.text.replace("--role staff", "")


@pytest.mark.parametrize("path", ["/console/demo/signatures", "/console/demo/breakages"])
async def test_the_playground_is_for_staff(settings, path):
    async with served(settings, playing=True) as (shop, _, http):
        assert (await http.post(path, json={})).status_code == 401
        assert (await http.post(path, json={}, headers=bearer(shop, "customer", "ada"))).status_code == 403


async def test_a_demo_begins_at_its_console(settings):
    async with served(settings, playing=True) as (_, _, http):
        assert (await http.get("/")).headers["location"] == "/console"


async def test_who_looks_on_is_told_no_more_when_the_token_has_run_out(settings):
    async with served(settings) as (shop, _, http):
        short = shop.tokens.sign(subject="clerk", role="staff", lifetime=timedelta(seconds=2))
        async with (
            asyncio.timeout(10),
            http.stream("GET", "/console/stream", headers={"Authorization": f"Bearer {short}"}) as answer,
        ):
            heard = [kind async for kind, _ in messages(answer)]

    assert "figures" in heard


async def test_asked_for_its_head_alone_the_stream_has_an_end(settings):
    async with served(settings) as (shop, _, http), asyncio.timeout(5):
        head = await http.head("/console/stream", headers=bearer(shop))
        after = await http.get("/console/map", headers=bearer(shop))

    assert (head.status_code, head.content, after.status_code) == (200, b"", 200)


async def test_only_contexts_that_hear_something_can_be_broken(settings):
    async with served(settings, playing=True) as (shop, _, http):
        told = {"consumer": "payroll", "broken": True}
        answer = await http.post("/console/demo/breakages", headers=bearer(shop), json=told)

    assert (answer.status_code, answer.json()["code"]) == (422, "no-such-consumer")
    assert "catalog, orders, rewards" in answer.json()["detail"]
