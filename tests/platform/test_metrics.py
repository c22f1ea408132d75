"""Requests are counted by route, never by path."""

from __future__ import annotations

import httpx
import pytest
from litestar import get
from litestar.params import FromPath
from prometheus_client.parser import text_string_to_metric_families

from shop.kernel.ids import ids
from shop.platform.metrics import Measured, Metrics
from shop.platform.web import anyone, build_app


@pytest.fixture
def metrics():
    return Metrics()


@pytest.fixture
async def client(tokens, clock, metrics):
    async def read(name: FromPath[str]) -> dict[str, str]:
        if name == "broken":
            raise RuntimeError("broken")
        return {"name": name}

    app = build_app([get("/pages/{name:str}", before_request=anyone)(read)], tokens=tokens, ids=ids(clock))
    transport = httpx.ASGITransport(Measured(app, metrics))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        yield client


def _samples(metrics, name):
    return {
        tuple(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
        if sample.name == name
    }


async def test_requests_are_counted_by_method_route_and_status(client, metrics):
    for path in ("/pages/ada", "/pages/ben", "/pages/broken", "/nowhere/ada", "/other"):
        await client.get(path)
    await client.head("/pages/ada")
    await client.request("BREW", "/pages/ada")

    counted = _samples(metrics, "http_requests_total")
    assert counted == {
        ("GET", "/pages/{name}", "200"): 2,
        ("GET", "/pages/{name}", "500"): 1,
        ("HEAD", "/pages/{name}", "200"): 1,
        ("GET", "-", "404"): 2,
        ("other", "-", "405"): 1,
    }
    assert "ada" not in metrics.text().decode()


async def test_times_are_a_histogram_by_route(client, metrics):
    for _ in range(3):
        await client.get("/pages/ada")

    assert _samples(metrics, "http_request_duration_seconds_count") == {("GET", "/pages/{name}"): 3}
    assert _samples(metrics, "http_request_duration_seconds_sum")["GET", "/pages/{name}"] > 0


async def test_methods_nobody_knows_do_not_fill_the_memory(client, metrics):
    for number in range(20):
        await client.request(f"BREW{number}", "/pages/ada")

    assert len(metrics._times) == 1
    assert _samples(metrics, "http_requests_total") == {("other", "-", "405"): 20}
