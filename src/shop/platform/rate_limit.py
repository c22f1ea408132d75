"""So many requests per caller: the generic cell rate algorithm (ITU-T I.371), told as the IETF's draft has it.

Source: draft-ietf-httpapi-ratelimit-headers-10. One process counts for itself. It stands outside of the app, so that
what one context asks another is not counted.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from litestar import Request
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from shop.kernel.ids import Ids
from shop.platform.problems import TooManyRequests, problem_of
from shop.platform.request import begin, header_of
from shop.platform.settings import Rate
from shop.platform.tokens import Tokens, WrongToken

_MOST_CALLERS = 100_000
_NOT_COUNTED = ("/health/", "/metrics")


@dataclass(frozen=True, slots=True)
class Left:
    """What a caller may ask at once, and until its whole quota is there again; `wait`: seconds, if it is refused."""

    requests: int
    restored: float  # seconds
    wait: float = 0


class Quotas:
    """Of every caller the moment at which its whole quota is there again; the longest unseen are forgotten."""

    def __init__(self, rate: Rate, *, now: Callable[[], float], most: int = _MOST_CALLERS) -> None:
        """`now`: monotonic seconds."""
        self._step = rate.seconds / rate.requests  # seconds that give back one request
        self._window = rate.seconds
        self._now = now
        self._most = most
        self._restored: OrderedDict[str, float] = OrderedDict()

    def take(self, caller: str) -> Left:
        """Count a request, unless it is one too many."""
        now = self._now()
        restored = max(self._restored.get(caller, now), now) + self._step
        if restored - now > self._window * (1 + 1e-9):
            return Left(0, restored - self._step - now, wait=restored - self._window - now)
        self._restored[caller] = restored
        self._restored.move_to_end(caller)
        if len(self._restored) > self._most:
            self._restored.popitem(last=False)
        return Left(math.floor((self._window - (restored - now)) / self._step + 1e-6), restored - now)


class RateLimit:
    """The app, for callers who do not ask more often than they may; who has no good token is known by its address."""

    def __init__(self, app: ASGIApp, *, rate: Rate, tokens: Tokens, ids: Ids, now: Callable[[], float]) -> None:
        self._app = app
        self._tokens = tokens
        self._ids = ids
        self._quotas = Quotas(rate, now=now)
        self._policy = f'"default";q={rate.requests};w={rate.seconds}'.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As the app, with what is left; or 429."""
        if scope["type"] != ScopeType.HTTP or scope["path"].startswith(_NOT_COUNTED):
            await self._app(scope, receive, send)
            return
        request: Request[Any, Any, Any] = Request(scope)
        left = self._quotas.take(self._caller(request))

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *self._told(left)]}
            await send(message)

        if left.wait:
            begin(scope, self._ids)
            problem = problem_of(request, TooManyRequests("you ask too often: wait", retry_after=left.wait))
            await problem.to_asgi_response(None, request)(scope, receive, telling)
        else:
            await self._app(scope, receive, telling)

    def _caller(self, request: Request[Any, Any, Any]) -> str:
        _, _, token = (header_of(request, b"authorization") or "").partition(" ")
        try:
            caller = self._tokens.verify(token.strip())
        except WrongToken:
            client = request.scope["client"]
            return client[0] if client else "unknown"
        return f"{caller.role}/{caller.subject}"

    def _told(self, left: Left) -> list[tuple[bytes, bytes]]:
        now = f'"default";r={left.requests};t={math.ceil(left.restored)}'
        return [(b"ratelimit-policy", self._policy), (b"ratelimit", now.encode())]
