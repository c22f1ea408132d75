"""`/docs`: what can be asked and what is answered, for people and, as OpenAPI 3.1, for programs.

Both are made when they are asked for the first time, from the routes alone; the page needs no other address.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version

import msgspec
from litestar import Response
from litestar.handlers import HTTPRouteHandler

from shop.platform.docs_page import page_of
from shop.platform.openapi import Json, document_of

ABOUT = (
    "Money is a decimal string beside its ISO 4217 currency, never a float. Times are RFC 3339, UTC. Lists are "
    "`{data, nextCursor}`. Every refusal is `application/problem+json` (RFC 9457) with a stable `code`."
)
_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'", "Cache-Control": "no-cache"}


@dataclass(frozen=True, kw_only=True)
class Docs:
    """The document of these routes."""

    of: Sequence[HTTPRouteHandler]

    @cached_property
    def document(self) -> Json:
        """OpenAPI 3.1."""
        return document_of(self.of, title="shop", version=version("shop"), about=ABOUT)

    @cached_property
    def _encoded(self) -> bytes:
        return msgspec.json.encode(self.document)

    @cached_property
    def _page(self) -> bytes:
        return page_of(self.document).encode()

    async def read(self) -> Response[bytes]:
        """A page that shows the document."""
        return Response(self._page, headers=_HEADERS, media_type="text/html")

    async def download(self) -> Response[bytes]:
        """The document."""
        return Response(self._encoded, headers=_HEADERS, media_type="application/json")
