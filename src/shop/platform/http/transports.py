"""Between the cache and the origin: transports around a transport, each of which does one thing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx

from shop.platform.http.breaker import Breaker

_TRIES = 4
_FIRST_WAIT = 0.05  # seconds, at most; the next one twice as much
_LONGEST_WAIT = 1.0
_BROKEN = 500  # and above: the origin's failures


def resilient(
    network: httpx.AsyncBaseTransport, *, breaker: Breaker, seconds: float, chance: Callable[[], float]
) -> httpx.AsyncBaseTransport:
    """The network with all that stands before it: four tries of so many seconds at most, each of which the breaker
    admits and counts (seed «Catalog Service Down»).
    """
    return Retrying(Breaking(InTime(network, seconds), breaker), _TRIES, chance)


@dataclass(frozen=True, slots=True)
class _Around(httpx.AsyncBaseTransport):
    inner: httpx.AsyncBaseTransport

    async def aclose(self) -> None:
        """Give the connections back."""
        await self.inner.aclose()


@dataclass(frozen=True, slots=True)
class InTime(_Around):
    """A try, body and all, takes so many seconds at most, then it is a `ReadTimeout`: `ASGITransport` knows none."""

    seconds: float

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One try."""
        try:
            async with asyncio.timeout(self.seconds):
                response = await self.inner.handle_async_request(request)
                await response.aread()
        except TimeoutError as error:
            raise httpx.ReadTimeout(f"no answer within {self.seconds:g} s", request=request) from error
        return response


@dataclass(frozen=True, slots=True)
class Breaking(_Around):
    """Each try asks the breaker first and is counted by it; 5xx and no answer are failures."""

    breaker: Breaker

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One try; `CircuitOpen` if it is not made."""
        call = self.breaker.admit()
        try:
            response = await self.inner.handle_async_request(request)
        except httpx.TransportError:
            self.breaker.failed(call)
            raise
        except BaseException:
            self.breaker.abandoned(call)
            raise
        if response.status_code >= _BROKEN:
            self.breaker.failed(call)
        else:
            self.breaker.succeeded(call)
        return response


@dataclass(frozen=True, slots=True)
class Retrying(_Around):
    """A GET that fails is tried again, so many times in all, with jitter between (exponential, «full jitter»).

    A Retry-After is waited for if it is short, else the answer that has it is the last.
    """

    tries: int
    chance: Callable[[], float]  # [0, 1)
    wait: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Up to so many tries."""
        for attempt in range(1, self.tries):
            pause = self.chance() * min(_LONGEST_WAIT, _FIRST_WAIT * 2**attempt)
            try:
                response = await self.inner.handle_async_request(request)
            except httpx.TransportError:
                await self.wait(pause)
                continue
            told = retry_after(response)
            if response.status_code < _BROKEN or told > _LONGEST_WAIT:
                return response
            await self.wait(max(pause, told))
        return await self.inner.handle_async_request(request)


def retry_after(response: httpx.Response) -> float:
    """Seconds that the origin asks for; 0 if it does not. Source: RFC 9110 §10.2.3."""
    told = response.headers.get("retry-after", "").strip()
    return float(told) if told.isascii() and told.isdecimal() else 0.0
