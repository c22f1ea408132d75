"""The shop as it is, but that orders' way to the catalog fails as long as a file beside its data says how.

`python server.py --host 127.0.0.1 --port 8000 --opens-for 60`; `SHOP_…` set it up.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import httpx
from dependency_injector import containers, providers

from shop.entrypoints.monolith import Monolith, opened
from shop.entrypoints.serving import serve
from shop.platform.http.breaker import Breaker
from shop.platform.settings import read_settings

HANGS, REFUSES, ANSWERS_503 = "hangs", "refuses", "answers 503"
KINDS = (HANGS, REFUSES, ANSWERS_503)


def fault_of(data: Path) -> Path:
    """The file: one of `KINDS`; where there is none all is well."""
    return data / "catalog.fault"


@dataclass(frozen=True, slots=True)
class FaultyWay(httpx.AsyncBaseTransport):
    """Between orders' cache and the catalog, behind the breaker: what a network can do to a call."""

    inner: httpx.AsyncBaseTransport
    fault: Path

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The catalog's answer, or the fault of now."""
        kind = self.fault.read_text() if self.fault.exists() else ""
        if kind == HANGS:
            await asyncio.Event().wait()
        if kind == REFUSES:
            raise httpx.ConnectError("connection refused", request=request)
        if kind == ANSWERS_503:
            return httpx.Response(503, request=request)
        return await self.inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Give the connections back."""
        await self.inner.aclose()


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--opens-for", type=float, required=True, help="seconds of the breaker before the catalog")
    given = parser.parse_args()
    settings = read_settings(os.environ)

    @containers.override(Monolith)
    class WithFaults(containers.DeclarativeContainer):
        catalog_network = providers.Singleton(
            FaultyWay, providers.Singleton(httpx.ASGITransport, Monolith.catalog_app), fault=fault_of(settings.data)
        )
        catalog_breaker = providers.Singleton(Breaker, now=providers.Object(monotonic), opens_for=given.opens_for)

    serve(settings, opened(settings, serving=True), host=given.host, port=given.port)


if __name__ == "__main__":
    _main()
