"""A hand-turned clock, stores on one file, servers that deliver, and apps over routes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest
from litestar.handlers import HTTPRouteHandler

from emulator import messages, tables
from shop.kernel.clock import Clock
from shop.kernel.events import Cause, Envelope
from shop.kernel.ids import ids
from shop.platform.aws import Aws
from shop.platform.bus import Consumers, Jobs, Reaction
from shop.platform.bus_local import LocalBus
from shop.platform.storage import dynamodb_schema
from shop.platform.storage.port import Layout, Put, Records
from shop.platform.storage.sqlite import SqliteStore
from shop.platform.tokens import Tokens
from shop.platform.web import build_app

HEARD = "parcel.sent"
LAYOUT = Layout(context="parcels")


class Row(NamedTuple):
    """A delivery as the store keeps it."""

    consumer: str
    attempts: int
    due: datetime
    owner: str | None
    dead: datetime | None
    error: str | None


def _moment(micros: int | None) -> Any:
    return None if micros is None else datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)


@pytest.fixture(params=[False, True], ids=["sdk", "light"])
def light(request: pytest.FixtureRequest) -> bool:
    """Both clients of AWS are held to the same."""
    return bool(request.param)


@pytest.fixture
def until() -> Callable[..., Awaitable[None]]:
    """Wait for a condition; it fails after so many seconds."""

    async def wait(holds: Callable[[], object], *, seconds: float = 5) -> None:
        async with asyncio.timeout(seconds):
            while not holds():  # noqa: ASYNC110 - threads and other processes make it hold
                await asyncio.sleep(0.002)

    return wait


@pytest.fixture
async def open_store(tmp_path: Path, clock: Clock) -> AsyncIterator[Callable[[], Awaitable[SqliteStore]]]:
    """Opens a further store on the same file."""
    async with AsyncExitStack() as stack:

        async def opened() -> SqliteStore:
            store = SqliteStore(tmp_path / "shop.db", clock=clock)
            await store.open()
            stack.push_async_callback(store.close)
            return store

        yield opened


@pytest.fixture
async def store(open_store) -> SqliteStore:
    return await open_store()


@pytest.fixture(scope="session")
def layout() -> Layout:
    return LAYOUT


@pytest.fixture
def records(store: SqliteStore) -> Records:
    return store.records(LAYOUT)


@pytest.fixture
async def serve(clock: Clock) -> AsyncIterator[Callable[..., Awaitable[LocalBus]]]:
    """Starts a server over a store; it is stopped in the end."""
    buses: list[LocalBus] = []

    async def started(
        store: SqliteStore, consumers: Consumers, jobs: Jobs | None = None, *, alone: bool = True, **more: Any
    ) -> LocalBus:
        bus = LocalBus(store, clock=clock, **more)
        await bus.start(consumers, jobs or {}, alone=alone)
        buses.append(bus)
        return bus

    yield started
    for bus in buses:
        async with asyncio.timeout(5):
            await bus.stop()


@pytest.fixture(scope="session")
def parcel() -> Callable[..., Envelope]:
    """The event number n."""

    def numbered(n: int, kind: str = HEARD) -> Envelope:
        return Envelope(
            id=f"evt_{n:06d}",
            type=kind,
            source="/shop/parcels",
            subject=f"parcel_{n}",
            time="2026-11-23T04:00:00.000000Z",
            dataschema=f"urn:shop:{kind}:1",
            data=msgspec.Raw(b"{}"),
        )

    return numbered


@pytest.fixture
def send(records: Records, parcel) -> Callable[..., Awaitable[Sequence[Envelope]]]:
    """Commits the events with these numbers."""

    async def sent(numbers: Sequence[int], *, over: Records = records, kind: str = HEARD) -> Sequence[Envelope]:
        events = [parcel(n, kind) for n in numbers]
        for begin in range(0, len(events), 2000):
            await over.commit(events=events[begin : begin + 2000])
        return events

    return sent


@pytest.fixture
def rows(store: SqliteStore) -> Callable[[], list[Row]]:
    """The deliveries that are not ended, oldest first."""

    def read() -> list[Row]:
        found = store.file.reader.execute(
            "SELECT consumer, attempts, due, owner, dead, error FROM deliveries ORDER BY id"
        ).fetchall()
        return [
            Row(c, attempts, _moment(due), owner, _moment(dead), error)
            for c, attempts, due, owner, dead, error in found
        ]

    return read


@dataclass
class Book:
    """A consumer that writes down what it hears, in the commit that ends the delivery."""

    name: str
    records: Records
    called: list[str] = field(default_factory=list)  # ids of events, as often as the reaction was called

    async def write(self, envelope: Envelope, cause: Cause) -> None:
        """The effect: a document of its own per event, which cannot be written twice."""
        put = Put(key=f"heard/{self.name}/{envelope.id}", body=b"{}", was=0)
        await self.records.commit(puts=[put], consumed=cause.delivery)

    async def hear(self, envelope: Envelope, cause: Cause) -> None:
        self.called.append(envelope.id)
        await self.write(envelope, cause)

    def heard(self) -> list[str]:
        """Ids of the events that had their effect."""
        prefix = f"heard/{self.name}/"
        found = self.records._file.reader.execute(
            "SELECT key FROM parcels_documents WHERE key >= ? AND key < ? ORDER BY key", (prefix, prefix + "~")
        )
        return [key.removeprefix(prefix) for (key,) in found]


@pytest.fixture
def book(records: Records) -> Callable[..., Book]:
    return lambda name="reader", over=records: Book(name, over)


class Diary:
    """A watcher that writes down what it hears."""

    def __init__(self):
        self.heard = []

    def committed(self, events):
        self.heard += [("committed", event.id) for event in events]

    def published(self, events):
        self.heard += [("published", event.id) for event in events]

    def delivered(self, event, *, consumer, attempts):
        self.heard.append(("delivered", event.id, consumer, attempts))

    def failed(self, event, *, consumer, attempts, wait, reason):
        self.heard.append(("failed", event.id, consumer, attempts, wait, reason))


@pytest.fixture
def diary() -> Diary:
    return Diary()


@pytest.fixture(scope="session")
def hearing() -> Callable[..., Consumers]:
    """Consumers of parcels: `hearing(reader=reaction)`."""

    def consumers(**reactions: Reaction) -> Consumers:
        return {name: {HEARD: reaction} for name, reaction in reactions.items()}

    return consumers


@pytest.fixture
def tokens(clock: Clock) -> Tokens:
    return Tokens("k" * 32, clock=clock)


@pytest.fixture
async def client_of(tokens: Tokens, clock: Clock) -> AsyncIterator[Callable[..., httpx.AsyncClient]]:
    """A client of an app that has these routes."""
    async with AsyncExitStack() as stack:
        clients: list[httpx.AsyncClient] = []

        def over(*routes: HTTPRouteHandler) -> httpx.AsyncClient:
            app = build_app(routes, tokens=tokens, ids=ids(clock))
            client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop")
            clients.append(client)
            stack.push_async_callback(client.aclose)
            return client

        yield over


@pytest.fixture
async def wired(aws: Aws, stack: str) -> Callable[..., Awaitable[None]]:
    """Makes the stack of parcels: a table, a bus, and the queue of those that are sent."""

    async def begin(*, attempts: int = 24, visibility: int = 30) -> None:
        made = [dynamodb_schema.table(LAYOUT, stack=stack), dynamodb_schema.log_table(stack=stack)]
        await tables.create(aws.client("dynamodb"), made)
        await messages.create(
            aws.client("events"),
            aws.client("sqs"),
            stack=stack,
            heard={LAYOUT.context: [HEARD]},
            attempts=attempts,
            visibility=visibility,
        )

    return begin
