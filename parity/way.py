"""The way to a shop that is apart: wherever a path is answered, it is asked for as if the shop were one."""

from __future__ import annotations

from collections.abc import Callable

import httpx

SHOP = "http://shop"


class Way(httpx.AsyncBaseTransport):
    """As a proxy before it."""

    def __init__(self, answers: Callable[[str], str], *, at_once: int) -> None:
        """`answers`: of the first part of a path, what its address begins with; `at_once`: requests under way."""
        self._answers = answers
        # Connections are given up before a server gives them up, which does so after 5 seconds.
        self._network = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=at_once, keepalive_expiry=2))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass it on."""
        path = request.url.raw_path.decode("ascii")
        url = httpx.URL(self._answers(path.partition("?")[0].split("/")[1]) + path)
        headers = [(name, value) for name, value in request.headers.raw if name.lower() != b"host"]
        headers.append((b"Host", url.netloc))
        return await self._network.handle_async_request(
            httpx.Request(request.method, url, headers=headers, stream=request.stream, extensions=request.extensions)
        )

    async def aclose(self) -> None:
        """Hang up."""
        await self._network.aclose()


def client(answers: Callable[[str], str], *, at_once: int) -> httpx.AsyncClient:
    """Of such a shop."""
    return httpx.AsyncClient(transport=Way(answers, at_once=at_once), base_url=SHOP, timeout=60)
