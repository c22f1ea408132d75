"""Cross-origin requests (CORS, Fetch §3.2) from the origins of a setting. Not Litestar's own: it answers in plain text,
and writes into headers that our answers share.
"""

from __future__ import annotations

from collections.abc import Collection

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
_MAY_SEND = b"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-ID, traceparent"
_MAY_READ = b"ETag, Location, Link, Retry-After, Idempotent-Replayed, X-Request-ID, RateLimit, RateLimit-Policy"
_MAX_AGE = b"600"  # seconds that a browser keeps the answer to its question


class Cors:
    """The app, for browsers on these origins too."""

    def __init__(self, app: ASGIApp, *, origins: Collection[str]) -> None:
        self._app = app
        self._origins = frozenset(origin.encode() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As the app; a preflight is answered here, without a token."""
        sent = dict(scope["headers"]) if scope["type"] == ScopeType.HTTP else {}
        origin = sent.get(b"origin")
        allowed = origin if origin in self._origins else None

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":  # with a list of its own: the answer's may be another's too
                message = {**message, "headers": [*message["headers"], *_told(allowed)]}
            await send(message)

        if allowed and scope.get("method") == "OPTIONS" and b"access-control-request-method" in sent:
            await _preflight(allowed, send)
        else:
            await self._app(scope, receive, sending)


def _told(origin: bytes | None) -> list[tuple[bytes, bytes]]:
    if origin is None:
        return [(b"vary", b"Origin")]
    return [
        (b"vary", b"Origin"),
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", _MAY_READ),
    ]


async def _preflight(origin: bytes, send: Send) -> None:
    headers = [
        *_told(origin),
        (b"access-control-allow-methods", _METHODS),
        (b"access-control-allow-headers", _MAY_SEND),
        (b"access-control-max-age", _MAX_AGE),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
