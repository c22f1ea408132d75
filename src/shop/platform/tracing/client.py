"""What is asked of other contexts: a span for each try, which goes along with the request («HTTP client»)."""

from __future__ import annotations

from dataclasses import dataclass

import httpx
from opentelemetry.trace import SpanKind

from shop.platform.tracing.spans import Tracing, tell_of_it

_REFUSED = 400
_TRIES = "shop.tries"  # of a request, which is the same in each of them


@dataclass(frozen=True, slots=True)
class TracedTransport(httpx.AsyncBaseTransport):
    """The network: what stands before it tries again, and asks the breaker."""

    network: httpx.AsyncBaseTransport
    tracing: Tracing

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One try, body and all."""
        tries = request.extensions.get(_TRIES, 0)
        request.extensions = {**request.extensions, _TRIES: tries + 1}
        told = {
            "http.request.method": request.method,
            "server.address": request.url.host,
            "url.full": str(request.url.copy_with(query=None)),  # what is asked for is none of a trace's business
            **({"server.port": request.url.port} if request.url.port else {}),
            **({"http.request.resend_count": tries} if tries else {}),
        }
        with self.tracing.span(request.method, SpanKind.CLIENT, told) as span:
            request.headers["traceparent"] = span.traceparent
            response = await self.network.handle_async_request(request)
            await response.aread()
            span.tell({"http.response.status_code": response.status_code})
            if response.status_code >= _REFUSED:
                span.fail("", kind=str(response.status_code))
        return response

    async def aclose(self) -> None:
        """Give the connections back."""
        await self.network.aclose()


class ToldLayers(dict[str, int]):
    """A cache's figures, layer → items answered; what it counts, it tells of the read that is under way."""

    def __setitem__(self, layer: str, items: int) -> None:
        if items > self[layer]:
            tell_of_it({f"shop.cache.{layer}": items - self[layer]})
        super().__setitem__(layer, items)
