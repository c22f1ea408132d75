"""The page itself and what it loads: all from here, nothing from outside."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from shop.kernel.errors import NotFound
from shop.platform.answers import answers
from shop.platform.request import Web, header_of
from shop.platform.web import anyone

_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class NoSuchAsset(NotFound):
    """A file that the page does not have."""

    code = "no-such-asset"


@dataclass(frozen=True, slots=True)
class _Asset:
    body: bytes
    media_type: str
    etag: str


@dataclass(frozen=True)
class Page:
    """It shows nothing by itself: whoever opens it needs a token to see anything of the shop."""

    def routes(self) -> list[HTTPRouteHandler]:
        """Path, who may call, what happens."""
        return [
            get("/console", before_request=anyone, opt=answers(), media_type="text/html")(self.page),
            get("/console/assets/{name:str}", before_request=anyone, opt=answers(NoSuchAsset))(self.asset),
        ]

    async def page(self, request: Web) -> Response[bytes]:
        """The page."""
        return self._given("index.html", request)

    async def asset(self, request: Web, name: FromPath[str]) -> Response[bytes]:
        """A script, a style or a picture of the page."""
        return self._given(name, request)

    def _given(self, name: str, request: Web) -> Response[bytes]:
        asset = self._assets.get(name)
        if asset is None:
            raise NoSuchAsset("the console has no such file")
        headers = _HEADERS | {"ETag": asset.etag}
        if header_of(request, b"if-none-match") == asset.etag:
            return Response(b"", status_code=304, headers=headers)
        return Response(asset.body, headers=headers, media_type=asset.media_type)

    @cached_property
    def _assets(self) -> dict[str, _Asset]:
        found = {}
        for file in Path(__file__).with_name("assets").iterdir():
            body, kind = file.read_bytes(), _TYPES.get(file.suffix)
            if kind is None:
                continue  # an editor's
            found[file.name] = _Asset(body, kind, f'"{hashlib.sha256(body).hexdigest()[:16]}"')
        return found
