"""What is asked of other contexts, try by try."""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx
import pytest

from shop.platform.http.breaker import Breaker, CircuitOpen
from shop.platform.http.transports import Breaking, InTime, Retrying
from shop.platform.tracing.client import ToldLayers, TracedTransport


@dataclass
class Script(httpx.AsyncBaseTransport):
    """Answers one by one, the last one again and again; what is an exception is raised. It keeps what it was told."""

    answers: list
    told: list[str] = field(default_factory=list)

    async def handle_async_request(self, request):
        self.told.append(request.headers["traceparent"])
        answer = self.answers[min(len(self.told), len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer, content=b"ok")


def _breaker(failures: int = 5) -> Breaker:
    return Breaker(now=lambda: 0.0, failures=failures)


@pytest.fixture
def ask(tracing):
    async def act(script, url="http://catalog:8001/products?ids=a,b", breaker=None):
        async def at_once(_):
            """Wait for nothing."""

        stack = Breaking(InTime(TracedTransport(script, tracing), 5), breaker or _breaker())
        return await Retrying(stack, 4, lambda: 0.5, at_once).handle_async_request(httpx.Request("GET", url))

    return act


async def test_each_try_is_a_span_which_goes_along_with_it(ask, tracing, seen):
    script = Script([httpx.ConnectError("no"), 503, 200])
    with tracing.span("read"):
        assert (await ask(script)).status_code == 200

    tries, [read] = seen("GET"), seen("read")
    assert {one.parent for one in tries} == {read.id}
    assert [f"00-{one.trace}-{one.id}" for one in tries] == [told[:52] for told in script.told]
    assert [one.attributes.get("http.request.resend_count") for one in tries] == [None, 1, 2]
    assert [one.attributes.get("error.type") for one in tries] == ["ConnectError", "503", None]
    assert [one.failed is None for one in tries] == [False, False, True]


async def test_it_says_where_it_went_and_not_what_was_asked_for(ask, seen):
    await ask(Script([200]))

    assert seen("GET")[0].attributes == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "server.address": "catalog",
        "server.port": 8001,
        "url.full": "http://catalog:8001/products",
    }


async def test_a_try_that_the_breaker_does_not_make_is_no_span(ask, seen):
    breaker = _breaker(failures=1)
    with pytest.raises(CircuitOpen):
        await ask(Script([503]), breaker=breaker)

    assert len(seen("GET")) == 1


def test_a_read_says_which_layer_answered_how_much_of_it(tracing, seen):
    answered_by = ToldLayers({"memory": 5, "origin": 1})
    with tracing.span("read"):
        answered_by["memory"] += 2
        answered_by["origin"] += 0

    assert answered_by == {"memory": 7, "origin": 1}
    assert seen("read")[0].attributes == {"shop.cache.memory": 2}
