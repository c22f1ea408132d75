"""An origin made by hand, and a client in front of it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx
import msgspec
import pytest

from shop.platform.http.client import Client
from shop.platform.http.collected import Collected
from shop.platform.http.redis_layer import RedisLayer
from torture.valkey import Valkey, begun

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

    def wall(self) -> datetime:
        return datetime.fromtimestamp(1_700_000_000 + self.now, UTC)


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

    def over(*, budget: float = 5, most: int = 4 * 1024 * 1024) -> Client:
        clients.append(
            Client(origin, base_url="http://origin", budget=budget, now=seconds, wall=seconds.wall, most=most)
        )
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


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """One Valkey for all tests that leave it alive."""
    with begun(tmp_path_factory.mktemp("v")) as server:
        yield server


@pytest.fixture
def valkey(server: Valkey) -> Valkey:
    """It, with nothing in it."""
    with server.plain as plain:
        plain.flushall()
    return server


@pytest.fixture
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """One that the test may kill and freeze."""
    with begun(tmp_path_factory.mktemp("v")) as server:
        yield server


@dataclass
class Peer:
    """What a process has: a memory, connections, and a way to the origin."""

    layer: RedisLayer
    client: Client

    @property
    def listening(self) -> bool:
        return not self.client._memory._off


@pytest.fixture
async def peers(origin: Origin) -> AsyncIterator[Callable[..., Awaitable[Peer]]]:
    """Processes that share a Valkey, as far as one process can have several; given when they hear each other."""
    made: list[Client] = []

    async def act(
        server: Valkey, *, over: httpx.AsyncBaseTransport = origin, listening: bool = True, budget: float = 5
    ) -> Peer:
        nonce = partial(secrets.token_hex, 8)
        layer = RedisLayer(server.url, origin="http://origin", now=time.monotonic, nonce=nonce)
        client = Client(
            over,
            base_url="http://origin",
            budget=budget,
            now=time.monotonic,
            wall=lambda: datetime.now(UTC),
            most=1024 * 1024,
            shared=layer,
        )
        made.append(client)
        peer = Peer(layer, client)
        if listening:
            await client.open()
            await until(lambda: peer.listening)
        return peer

    yield act
    for client in made:
        await client.close()


async def until(condition: Callable[[], object], seconds: float = 10) -> None:
    """Waits for what has no bell."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


@pytest.fixture(name="until")
def until_fixture() -> Callable[..., Awaitable[None]]:
    return until
