"""Requests are counted by route, never by path."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from litestar import get
from litestar.params import FromPath
from litestar.response import Stream
from prometheus_client.parser import text_string_to_metric_families

from shop.kernel.errors import NotFound
from shop.kernel.ids import ids
from shop.platform.figures import Figures
from shop.platform.interrupted import Interrupted
from shop.platform.measured import Measured
from shop.platform.prometheus import Prometheus
from shop.platform.storage.port import Unavailable
from shop.platform.web import anyone, build_app


class Gone(NotFound):
    code = "gone"


@pytest.fixture
def figures():
    return Figures()


@pytest.fixture
async def client(tokens, clock, figures):
    async def read(name: FromPath[str]) -> dict[str, str]:
        if name == "broken":
            raise RuntimeError("broken")
        if name == "gone":
            raise Gone("gone")
        if name == "locked":
            raise Unavailable("locked")
        return {"name": name}

    app = build_app([get("/pages/{name:str}", before_request=anyone)(read)], tokens=tokens, ids=ids(clock))
    transport = httpx.ASGITransport(Measured(app, figures))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        yield client


def _samples(figures, name):
    return {
        tuple(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(Prometheus(figures).text().decode())
        for sample in family.samples
        if sample.name == name
    }


async def test_requests_are_counted_by_method_route_and_status(client, figures):
    for path in ("/pages/ada", "/pages/ben", "/pages/broken", "/nowhere/ada", "/other"):
        await client.get(path)
    await client.head("/pages/ada")
    await client.request("BREW", "/pages/ada")

    counted = _samples(figures, "http_requests_total")
    assert counted == {
        ("shop", "GET", "/pages/{name}", "200"): 2,
        ("shop", "GET", "/pages/{name}", "500"): 1,
        ("shop", "HEAD", "/pages/{name}", "200"): 1,
        ("shop", "GET", "-", "404"): 2,
        ("shop", "other", "-", "405"): 1,
    }
    assert "ada" not in Prometheus(figures).text().decode()


async def test_times_are_a_histogram_by_route(client, figures):
    for _ in range(3):
        await client.get("/pages/ada")

    assert _samples(figures, "http_request_duration_seconds_count") == {("shop", "GET", "/pages/{name}"): 3}
    assert _samples(figures, "http_request_duration_seconds_sum")["shop", "GET", "/pages/{name}"] > 0


async def test_methods_nobody_knows_do_not_fill_the_memory(client, figures):
    for number in range(20):
        await client.request(f"BREW{number}", "/pages/ada")

    assert _samples(figures, "http_requests_total") == {("shop", "other", "-", "405"): 20}


async def test_what_was_not_done_is_counted_by_its_code_and_kind(client, figures):
    for path in ("/pages/ada", "/pages/gone", "/pages/gone", "/pages/broken", "/pages/locked", "/nowhere"):
        await client.get(path)

    assert _samples(figures, "shop_problems_total") == {
        ("gone", "shop", "refusal"): 2,
        ("no-such-route", "shop", "refusal"): 1,
        ("internal-error", "shop", "fault"): 1,
        ("unavailable", "shop", "later"): 1,
    }


async def test_an_answer_without_end_is_counted_once_when_it_begins(tokens, clock, figures):
    async def lines():
        yield b"one"
        await asyncio.Event().wait()

    async def follow() -> Stream:
        return Stream(lines())

    begun, routes = asyncio.Event(), [get("/lines", before_request=anyone)(follow)]
    app = Measured(Interrupted(build_app(routes, tokens=tokens, ids=ids(clock))), figures)

    async def send(message):
        if message.get("body") == b"one":
            begun.set()

    scope = {"type": "http", "method": "GET", "path": "/lines", "raw_path": b"/lines", "query_string": b""}
    following = asyncio.create_task(app(scope | {"headers": [], "scheme": "http"}, asyncio.Event().wait, send))
    async with asyncio.timeout(5):
        await begun.wait()
    label = ("shop", "GET", "/lines")
    seconds = _samples(figures, "http_request_duration_seconds_sum")[label]
    assert _samples(figures, "http_requests_total") == {(*label, "200"): 1}

    following.cancel()  # the server ends
    await asyncio.wait([following])
    assert _samples(figures, "http_requests_total") == {(*label, "200"): 1}
    assert _samples(figures, "http_request_duration_seconds_sum") == {label: seconds}
    assert _samples(figures, "shop_problems_total") == {}


async def test_an_answer_that_never_began_is_counted_in_the_end(figures):
    async def gone(*_):
        raise ConnectionResetError

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    with pytest.raises(ConnectionResetError):
        await Measured(gone, figures)(scope, None, None)

    assert _samples(figures, "http_requests_total") == {("shop", "GET", "-", "500"): 1}
