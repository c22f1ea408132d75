"""AWS Lambda: one event loop for the life of an environment, and one event → what a role does with it.

Source: AWS «Using AWS Lambda with API Gateway» (payload format 2.0), «… with Amazon SQS» (partial batch responses).
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import unquote

import structlog

from shop.kernel.clock import Clock

Event = Mapping[str, Any]
Act = Callable[[Event], Awaitable[Any]]
ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]  # Litestar's own type would bring Litestar

log = structlog.get_logger("shop.lambda")

_IDLE = 0.1  # seconds between two events: what was told meanwhile may not have come yet
_TURNS = 3  # of the loop, in which what has come is read, parsed and heeded


class NoAnswer(Exception):
    """An app that says nothing: Lambda counts an error, and API Gateway answers 500."""


class Environment:
    """What Lambda calls: opened once, while the environment starts, then one event after another on the same loop."""

    def __init__(self, opened: Callable[[], Awaitable[Act]], *, afterwards: Callable[[], None] = lambda: None) -> None:
        """`afterwards`: after each event, however it ended."""
        self._afterwards = afterwards
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        self._act = self._loop.run_until_complete(opened())

    def __call__(self, event: Event, context: object) -> Any:  # noqa: ARG002 - Lambda gives two
        """What the event leads to; what it raises, Lambda counts as an error, and tries again if nobody waits."""
        began = time.perf_counter()
        try:
            return self._loop.run_until_complete(self._act(event))
        finally:
            self._afterwards()
            log.debug("event.handled", seconds=round(time.perf_counter() - began, 4))


class Awake:
    """Hears before it acts what was told while it stood still: between two events Lambda freezes a process."""

    def __init__(self, act: Act, *, wake: Callable[[], Awaitable[None]], wall: Clock) -> None:
        """`wake`: what is to be done before the first event after such a time."""
        self._act = act
        self._wake = wake
        self._wall = wall
        self._left = self._moment()

    async def __call__(self, event: Event) -> Any:
        """As the act."""
        if any(now - before > _IDLE for before, now in zip(self._left, self._moment(), strict=True)):
            await self._wake()
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        try:
            return await self._act(event)
        finally:
            self._left = self._moment()

    def _moment(self) -> tuple[float, float]:
        """On both clocks: one of them may stand still with the process."""
        return time.monotonic(), self._wall().timestamp()


def answering(app: ASGIApp) -> Act:
    """An HTTP API's event (payload format 2.0) → the app's answer to it, as API Gateway wants it."""

    async def answer(event: Event) -> dict[str, Any]:
        body = event.get("body") or ""
        received = iter([base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()])
        told: dict[str, Any] = {"body": b""}

        async def receive() -> dict[str, Any]:
            content = next(received, None)
            if content is None:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: Mapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                told.update(status=message["status"], headers=message["headers"])
            else:
                told["body"] += message.get("body", b"")

        await app(_scope(event), receive, send)
        if "status" not in told:
            raise NoAnswer("the app has ended without an answer")
        if event["requestContext"]["http"]["method"] == "HEAD":
            told["body"] = b""
        return _answer(**told)

    return answer


def _scope(event: Event) -> dict[str, Any]:
    asked = event["requestContext"]["http"]
    path = event["rawPath"] or "/"  # decoded by API Gateway but for %25, which is a % of its own; by nobody else
    headers = [(_bytes(name.lower()), _bytes(value)) for name, value in event["headers"].items()]
    if event.get("cookies"):
        headers.append((b"cookie", _bytes("; ".join(event["cookies"]))))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": asked["method"],
        "scheme": "https",
        "path": unquote(path),
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": event.get("rawQueryString", "").encode(),
        "headers": headers,
        "client": (asked.get("sourceIp", ""), 0),
        "server": (event["requestContext"].get("domainName", ""), 443),
        "state": {},
    }


def _bytes(text: str) -> bytes:
    """As they came: a caller may send any, and API Gateway makes a text of them."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


def _answer(*, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> dict[str, Any]:
    told: dict[str, str] = {}
    for name, value in headers:
        text = value.decode("latin-1")
        key = name.decode("latin-1").lower()
        told[key] = f"{told[key]},{text}" if key in told else text  # no route sets a cookie
    try:
        return {"statusCode": status, "headers": told, "body": body.decode(), "isBase64Encoded": False}
    except UnicodeDecodeError:
        coded = base64.b64encode(body).decode()
        return {"statusCode": status, "headers": told, "body": coded, "isBase64Encoded": True}
