"""The engines that the contract of the storage port is tried on, as fixtures; a further engine joins `ENGINES`."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import msgspec
import pytest

from shop.kernel.clock import Clock
from shop.kernel.events import Delivery, Envelope
from shop.platform.storage.port import Layout, Records
from shop.platform.storage.sqlite import SqliteStore
from shop.platform.storage.sqlite_deliveries import Queued

LAYOUT = Layout(
    context="parcels",
    indexes={"sender": 1, "status": 8},
    words={"name": 4.0, "note": 1.0},
)
CONSUMERS = ("left", "right")  # both hear of every parcel that is sent
HEARD = "parcel.sent"


class Engine(Protocol):
    """What the suite needs of an engine besides the port."""

    def records(self, layout: Layout) -> Records: ...

    async def deliver(self, envelope: Envelope) -> Sequence[Delivery]:
        """Publish the event, which `CONSUMERS` hear; a delivery to each of them, in this order."""

    async def published(self) -> Sequence[Envelope]:
        """Every event that was committed."""


@dataclass
class SqliteEngine:
    store: SqliteStore
    path: Path
    queued: list[Queued] = field(default_factory=list, repr=False)

    def records(self, layout: Layout) -> Records:
        return self.store.records(layout)

    async def deliver(self, envelope: Envelope) -> Sequence[Delivery]:
        await self.records(Layout(context="senders")).commit(events=[envelope])
        mine = {one.delivery.consumer: one.delivery for one in self.queued if one.envelope.id == envelope.id}
        return [mine[consumer] for consumer in CONSUMERS]

    async def published(self) -> Sequence[Envelope]:
        with closing(sqlite3.connect(self.path)) as connection:
            rows = connection.execute("SELECT body FROM events ORDER BY seq").fetchall()
        return [msgspec.json.decode(body, type=Envelope) for (body,) in rows]


Opener = Callable[[Path, Clock, bool], AbstractAsyncContextManager[Engine]]


def sqlite(limit: int) -> Opener:
    @asynccontextmanager
    async def opened(folder: Path, clock: Clock, inbox: bool) -> AsyncIterator[Engine]:  # noqa: FBT001
        path = folder / "shop.db"
        store = SqliteStore(path, clock=clock, limit=limit, inbox=inbox)
        await store.open()
        engine = SqliteEngine(store, path)
        store.routes = {HEARD: CONSUMERS}
        store.on_queued = engine.queued.extend
        yield engine
        await store.close()

    return opened


ENGINES: dict[str, Opener] = {"sqlite": sqlite(limit=2000), "sqlite-limit-10": sqlite(limit=10)}


@pytest.fixture
def wait(clock: Clock) -> Callable[[timedelta], None]:
    """Let time pass."""
    return clock.forward


@pytest.fixture
def inbox() -> bool:
    """Whether the engine remembers ended deliveries; a test may say otherwise."""
    return True


@pytest.fixture(params=ENGINES)
async def engine(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock, inbox: bool) -> AsyncIterator[Engine]:  # noqa: FBT001
    async with ENGINES[request.param](tmp_path, clock, inbox) as opened:
        yield opened


@pytest.fixture
def records_of(engine: Engine) -> Callable[[Layout], Records]:
    return engine.records


@pytest.fixture
def records(engine: Engine) -> Records:
    """The records of a context that has two indexes and two fields of words."""
    return engine.records(LAYOUT)


@pytest.fixture
def deliver(engine: Engine) -> Callable[[Envelope], Awaitable[Sequence[Delivery]]]:
    return engine.deliver


@pytest.fixture
def published(engine: Engine) -> Callable[[], Awaitable[Sequence[Envelope]]]:
    return engine.published
