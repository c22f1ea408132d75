"""A request whose task is cancelled is answered all the same."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from litestar import get

from shop.kernel.ids import ids
from shop.platform.answers import answers
from shop.platform.interrupted import Interrupted
from shop.platform.web import anyone, build_app


@pytest.fixture
def app(tokens, clock):
    """A page that is never there, for as long as anybody waits."""

    async def page() -> None:
        await asyncio.Event().wait()

    return build_app([get("/page", before_request=anyone, opt=answers())(page)], tokens=tokens, ids=ids(clock))


async def test_who_waits_is_told_to_come_again(app):
    async def cut_off(scope, receive, send):
        task = asyncio.create_task(Interrupted(app)(scope, receive, send))
        await asyncio.sleep(0)
        task.cancel()
        await task

    async with httpx.AsyncClient(transport=httpx.ASGITransport(cut_off), base_url="http://shop") as http:
        answer = await http.get("/page")

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["content-type"] == "application/problem+json"


async def test_an_answer_that_has_begun_is_left_as_it_is(app):
    sent, begun = [], asyncio.Event()

    async def cut_off(scope, receive, send):
        async def send_to_somebody_slow(message):
            if message["type"] == "http.response.start" and sent:
                raise RuntimeError("Unexpected ASGI message")  # as uvicorn does
            sent.append(message["type"])
            if message["type"] == "http.response.body":
                begun.set()
                await asyncio.Event().wait()
            await send(message)

        task = asyncio.create_task(Interrupted(app)(scope, receive, send_to_somebody_slow))
        await begun.wait()
        task.cancel()
        await task
        await send({"type": "http.response.body", "body": b""})

    async with httpx.AsyncClient(transport=httpx.ASGITransport(cut_off), base_url="http://shop") as http:
        assert (await http.get("/health/live")).status_code == 200

    assert sent == ["http.response.start", "http.response.body"]
