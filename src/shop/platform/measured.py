"""The app, counted: what was asked, how it was answered, and how long it took until the answer began."""

from __future__ import annotations

import time
from collections.abc import Awaitable
from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from shop.platform.figures import Distribution, Figures, Tally
from shop.platform.metrics import PROBLEMS, REQUEST_SECONDS, REQUESTS
from shop.platform.request import context_of

_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_INTERNAL_ERROR, _UNAVAILABLE = 500, 503


class Measured:
    """The app, counted by route, never by path."""

    def __init__(self, app: ASGIApp, figures: Figures) -> None:
        self._app = app
        self._figures = figures
        self._known: dict[tuple[str, str, int], tuple[Tally, Distribution]] = {}  # method, route, status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As the app."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        answered = False

        def listening(message: Message) -> Awaitable[None]:
            nonlocal answered
            if message["type"] == "http.response.start" and not answered:  # whoever cuts it off tries another
                answered = True
                self._answered(scope, message["status"], time.perf_counter() - began)
            return send(message)

        try:
            await self._app(scope, receive, listening)
        finally:
            if not answered:
                self._answered(scope, _INTERNAL_ERROR, time.perf_counter() - began)

    def _answered(self, scope: Any, status: int, seconds: float) -> None:
        method, route = scope["method"], scope.get("path_template") or "-"
        known = self._known.get((method, route, status)) or self._know(scope, method, route, status)
        known[0].value += 1
        known[1].add(seconds)
        if code := scope.get("state", {}).get("problem"):
            self._figures.count(PROBLEMS, context_of(scope), _kind(status), code)

    def _know(self, scope: Any, method: str, route: str, status: int) -> tuple[Tally, Distribution]:
        known, context = method in _METHODS, context_of(scope)
        labels = context, method if known else "other", route
        found = (
            self._figures.tally(REQUESTS, *labels, str(status)),
            self._figures.distribution(REQUEST_SECONDS, *labels),
        )
        if known:  # whoever makes methods up does not fill the memory
            self._known[method, route, status] = found
        return found


def _kind(status: int) -> str:
    if status == _UNAVAILABLE:
        return "later"
    return "fault" if status >= _INTERNAL_ERROR else "refusal"
