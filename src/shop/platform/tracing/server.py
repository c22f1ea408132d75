"""What the app is asked: a span for each request (semantic conventions «HTTP server»)."""

from __future__ import annotations

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from opentelemetry.trace import SpanKind

from shop.platform.request import header_in
from shop.platform.tracing.spans import Tracing, within

_OPS = ("/health/", "/metrics", "/console")  # asked all the time by who looks on
_BROKEN = 500


class TracedApp:
    """The app, each request of which belongs to its caller's trace. Paths may name a person, so routes are told."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As the app; what the request causes has the span as its `traceparent`."""
        if scope["type"] != ScopeType.HTTP or scope["path"].startswith(_OPS):
            await self._app(scope, receive, send)
            return
        method, told = str(scope.get("method")), header_in(scope, b"traceparent")
        status = _BROKEN  # of an answer that never began

        async def listening(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        asked = {"http.request.method": method, "url.scheme": scope["scheme"]}
        with self._tracing.span(method, SpanKind.SERVER, asked, within=within(told) if told else None) as span:
            others = [pair for pair in scope["headers"] if pair[0] != b"traceparent"]
            scope["headers"] = [*others, (b"traceparent", span.traceparent.encode())]
            try:
                await self._app(scope, receive, listening)
            finally:
                route = scope.get("path_template") or ""
                span.tell({"http.response.status_code": status, **({"http.route": route} if route else {})})
                span.tell({}, name=f"{method} {route}".strip())
                if status >= _BROKEN:
                    span.fail("", kind=str(status))
