"""Connections for many requests at once."""

from __future__ import annotations

import httpx


class Lanes(httpx.AsyncBaseTransport):
    """A connection for each request that is under way, kept for the next one.

    httpx's own pool looks at all of its connections for every request; with 32 of them that is most of the time.
    """

    def __init__(self) -> None:
        self._all: list[httpx.AsyncHTTPTransport] = []
        self._idle: list[httpx.AsyncHTTPTransport] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The whole answer, over the connection that was used last."""
        lane = self._idle.pop() if self._idle else self._new()
        try:
            response = await lane.handle_async_request(request)
            await response.aread()
            return response
        finally:
            self._idle.append(lane)

    async def aclose(self) -> None:
        """Close all connections."""
        for lane in self._all:
            await lane.aclose()

    def _new(self) -> httpx.AsyncHTTPTransport:
        lane = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=1))
        self._all.append(lane)
        return lane
