"""Requests, and the traces that they belong to."""

from __future__ import annotations

import pytest

from shop.platform.tracing.server import TracedApp
from shop.platform.tracing.spans import carried_on

CALLER, LAMBDA = f"00-{'1' * 32}-{'a' * 16}-01", f"00-{'2' * 32}-{'b' * 16}-01"


@pytest.fixture
def ask(tracing):
    """Ask an app that knows no routes; what it was told of the trace."""

    async def act(*headers: tuple[bytes, bytes], answers: int | None = 200) -> dict[bytes, bytes]:
        told = {}

        async def app(scope, _, send):
            told.update(scope["headers"])
            if answers is None:
                raise ValueError("hunter2@example.com")
            await send({"type": "http.response.start", "status": answers, "headers": []})

        async def send(_):
            """Go nowhere."""

        scope = {"type": "http", "method": "GET", "scheme": "http", "path": "/ann", "headers": list(headers)}
        await TracedApp(app, tracing)(scope, None, send)
        return told

    return act


async def test_what_a_request_causes_is_told_of_its_own_span(ask, seen):
    told = await ask((b"traceparent", CALLER.encode()), (b"accept", b"*/*"))

    [asked] = seen("GET")
    assert told[b"traceparent"].decode()[:52] == f"00-{asked.trace}-{asked.id}"
    assert told[b"accept"] == b"*/*"
    assert f"00-{asked.trace}-{asked.parent}-01" == CALLER


async def test_lambdas_own_trace_is_carried_on_where_the_caller_has_none(ask, seen):
    with carried_on(LAMBDA):
        await ask()
        await ask((b"traceparent", CALLER.encode()))

    assert [one.parent for one in seen("GET")] == ["b" * 16, "a" * 16]


async def test_a_path_without_a_route_is_not_told(ask, seen):
    await ask(answers=404)

    assert seen("GET")[0].attributes == {
        "http.request.method": "GET", "http.response.status_code": 404, "url.scheme": "http"
    }  # fmt: skip


async def test_an_answer_that_never_began_is_a_fault(ask, seen):
    with pytest.raises(ValueError, match="hunter2"):
        await ask(answers=None)

    [asked] = seen("GET")
    assert (asked.failed, asked.attributes["error.type"]) == ("", "500")
