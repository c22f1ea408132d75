"""`Cache-Tags` under the names that a CDN in front of the shop knows them by."""

from __future__ import annotations

from collections.abc import Collection

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

_WITH_SPACES = {"surrogate-key"}  # Fastly; the others take commas as ours do


class CacheTags:
    """The app, whose tags are told under further names too. No tag has a comma or a space: they are percent-encoded."""

    def __init__(self, app: ASGIApp, *, names: Collection[str]) -> None:
        self._app = app
        self._names = [(name.lower().encode(), name.lower() in _WITH_SPACES) for name in names]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As the app."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message["headers"])  # its own: the answer's may be another's too
                tags = next((value for name, value in headers if name == b"cache-tags"), None)
                if tags is not None:
                    headers += [(name, tags.replace(b",", b" ") if spaces else tags) for name, spaces in self._names]
                    message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, sending if scope["type"] == ScopeType.HTTP else send)
