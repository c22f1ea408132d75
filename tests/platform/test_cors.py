"""Browsers on the origins of the setting may call; others are told nothing."""

from __future__ import annotations

import httpx
import pytest
from litestar import get, post

from shop.kernel.ids import ids
from shop.platform.cors import Cors
from shop.platform.web import anyone, build_app, callers, reply

OURS = "https://shop.example"
_KEPT = reply({"kept": True}, headers={"ETag": '"1"'})


async def _read() -> dict[str, bool]:
    return _KEPT


@pytest.fixture
async def client(tokens, clock):
    routes = [get("/open", before_request=anyone)(_read), post("/closed", before_request=callers("staff"))(_read)]
    app = Cors(build_app(routes, tokens=tokens, ids=ids(clock)), origins=[OURS, "http://localhost:5173"])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
        yield client


def _preflight(origin):
    return {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "if-match"}


async def test_a_preflight_is_answered_without_a_token(client):
    answer = await client.options("/closed", headers=_preflight(OURS))

    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == OURS
    assert "POST" in answer.headers["access-control-allow-methods"]
    allowed = answer.headers["access-control-allow-headers"].lower()
    for name in ("authorization", "content-type", "idempotency-key", "if-match", "if-none-match"):
        assert name in allowed


async def test_an_answer_may_be_read_with_the_headers_that_matter(client):
    answer = await client.get("/open", headers={"Origin": OURS})

    assert answer.headers["access-control-allow-origin"] == OURS
    assert answer.headers["vary"] == "Origin"
    exposed = {name.strip() for name in answer.headers["access-control-expose-headers"].split(",")}
    assert exposed >= {"ETag", "Location", "Link", "Retry-After", "Idempotent-Replayed", "X-Request-ID", "RateLimit"}
    assert "access-control-allow-credentials" not in answer.headers


async def test_refusals_may_be_read_too(client):
    answer = await client.post("/closed", headers={"Origin": OURS})

    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == OURS


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://shop.example.evil", "http://shop.example", "null", "*", ""]
)
async def test_other_origins_are_told_nothing(client, origin):
    for answer in (
        await client.options("/closed", headers=_preflight(origin)),
        await client.get("/open", headers={"Origin": origin}),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert answer.headers["vary"] == "Origin"


async def test_an_answer_that_is_kept_for_all_keeps_nothing_of_an_origin(client):
    first = await client.get("/open", headers={"Origin": OURS})
    second = await client.get("/open")

    assert "access-control-allow-origin" in first.headers
    assert "access-control-allow-origin" not in second.headers


async def test_options_that_are_no_preflight_are_the_app_s(client):
    answer = await client.options("/open", headers={"Origin": OURS})

    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
