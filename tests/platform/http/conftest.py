"""An origin made by hand, and a client in front of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
import pytest

from shop.platform.http.client import Client, Collected

MAX_AGE = "public, max-age=300"


class Wire(msgspec.Struct):
    """An item as the origin sends it."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Thing:
    """An item as the reader knows it."""

    id: str
    name: str


def _translate(wire: Wire) -> tuple[str, Thing]:
    return wire.id, Thing(wire.id, wire.name)


THINGS = Collected(path="/things", wire=Wire, translate=_translate, tag="product")


@dataclass
class Origin(httpx.AsyncBaseTransport):
    """Has every thing but those `missing`; a thing's name changes with `edition`."""

    asked: list[list[str]] = field(default_factory=list)  # the ids of each request
    longest: int = 0  # bytes of path and query
    control: str | None = MAX_AGE
    edition: int = 1
    missing: Collection[str] = ()
    padding: int = 0  # bytes more per thing
    answer: Callable[[httpx.Request], httpx.Response] | None = None
    gates: list[asyncio.Event] = field(default_factory=list)  # the n-th request is answered when the n-th is open

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        ids = request.url.params["ids"].split(",")
        self.asked.append(ids)
        self.longest = max(self.longest, len(request.url.raw_path))
        edition = self.edition  # what is read before the answer is held up
        if len(self.asked) <= len(self.gates):
            await self.gates[len(self.asked) - 1].wait()
        if self.answer is not None:
            return self.answer(request)
        name = f"edition {edition}" + "x" * self.padding
        things = [{"id": one, "name": name, "unknown": [1]} for one in ids if one not in self.missing]
        headers = {} if self.control is None else {"Cache-Control": self.control}
        return httpx.Response(200, json={"data": things, "nextCursor": None}, headers=headers)


@dataclass
class Seconds:
    """A monotonic clock that stands still until it is moved."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def origin() -> Origin:
    return Origin()


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
async def client_with(origin: Origin, seconds: Seconds) -> AsyncIterator[Callable[..., Client]]:
    """A client of the origin with this budget and memory."""
    clients: list[Client] = []

    def over(*, budget: float = 5, most: int = 1024 * 1024) -> Client:
        clients.append(Client(origin, base_url="http://origin", budget=budget, now=seconds, most=most))
        return clients[-1]

    yield over
    for client in clients:
        await client.close()


@pytest.fixture(scope="session")
def things() -> Collected[Thing]:
    return THINGS


@pytest.fixture
def client(client_with) -> Client:
    return client_with()


@pytest.fixture
def names(client: Client) -> Callable[..., Any]:
    """`{id: name}` of what is there of these things."""

    async def read(*ids: str, of: Client = client) -> dict[str, str]:
        return {key: thing.name for key, thing in (await of.get_many(THINGS, ids)).items()}

    return read
