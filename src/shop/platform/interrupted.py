"""Requests that are cut off because the server ends before they are done."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from litestar import Request
from litestar.types import ASGIApp, Receive, Scope, Send

from shop.platform.problems import problem_of
from shop.platform.storage.port import Unavailable


class Interrupted:
    """The app; who waits for an answer when its task is cancelled is told to come again, with the same key."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As the app, or 503 with `Retry-After`."""
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            request: Request[Any, Any, Any] = Request(scope)
            problem = problem_of(request, Unavailable("the server ends"))
            with suppress(RuntimeError):  # an answer that has begun cannot be taken back
                await problem.to_asgi_response(None, request)(scope, receive, send)
