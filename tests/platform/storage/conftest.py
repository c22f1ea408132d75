"""The engines that the contract of the storage port is tried on, as fixtures; a further engine joins `ENGINES`."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import msgspec
import pytest

from emulator.wire import Wire
from shop.kernel.clock import Clock
from shop.kernel.events import Delivery, Envelope
from shop.platform.aws import Aws
from shop.platform.storage.dynamodb import DynamoStore
from shop.platform.storage.dynamodb_calls import Patience
from shop.platform.storage.dynamodb_items import body_of
from shop.platform.storage.dynamodb_schema import OUTBOXES, name_of
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


@dataclass
class DynamoEngine:
    """Tables are made when a layout is first used."""

    store: DynamoStore
    stack: str
    tables_of: Callable[[list[Layout]], None]
    client: Any  # to look at what is there
    made: set[str] = field(default_factory=set)
    committed: list[str] = field(default_factory=list)  # ids of events, as the store told them

    def records(self, layout: Layout) -> Records:
        if layout.context not in self.made:
            self.made.add(layout.context)
            self.tables_of([layout])
        return self.store.records(layout)

    async def deliver(self, envelope: Envelope) -> Sequence[Delivery]:
        await self.records(Layout(context="senders")).commit(events=[envelope])
        return [Delivery(envelope.id, envelope.id, consumer) for consumer in CONSUMERS]

    async def published(self) -> Sequence[Envelope]:
        """What is in the outboxes, in the order in which it was told."""
        found = [msgspec.json.decode(body_of(item), type=Envelope) for item in self.outbox()]
        return sorted(found, key=lambda one: self.committed.index(one.id))

    def outbox(self) -> Sequence[Mapping[str, Any]]:
        return [
            item
            for context in self.made
            for n in range(OUTBOXES)
            for item in self.client.query(
                TableName=name_of(context, stack=self.stack),
                KeyConditionExpression="pk = :outbox",
                ExpressionAttributeValues={":outbox": {"S": f"outbox#{n}"}},
            )["Items"]
        ]


Opener = Callable[[pytest.FixtureRequest, Clock, bool], AbstractAsyncContextManager[Engine]]


def sqlite(limit: int) -> Opener:
    @asynccontextmanager
    async def opened(request: pytest.FixtureRequest, clock: Clock, inbox: bool) -> AsyncIterator[Engine]:  # noqa: FBT001
        path = request.getfixturevalue("tmp_path") / "shop.db"
        store = SqliteStore(path, clock=clock, limit=limit, inbox=inbox)
        await store.open()
        engine = SqliteEngine(store, path)
        store.routes = {HEARD: CONSUMERS}
        store.on_queued = engine.queued.extend
        yield engine
        await store.close()

    return opened


def dynamodb(*, light: bool) -> Opener:
    @asynccontextmanager
    async def opened(request: pytest.FixtureRequest, clock: Clock, inbox: bool) -> AsyncIterator[DynamoEngine]:  # noqa: FBT001
        request.getfixturevalue("on_aws")
        aws = Aws(("dynamodb",), light=light)
        await aws.open()
        stack = request.getfixturevalue("stack")
        store = DynamoStore(aws, stack=stack, clock=clock, inbox=inbox)
        plain, tables_of = request.getfixturevalue("plain_dynamodb"), request.getfixturevalue("tables_of")
        engine = DynamoEngine(store, stack, tables_of, plain)
        store.committed = lambda events: engine.committed.extend(event.id for event in events)
        yield engine
        await aws.close()

    return opened


ENGINES: dict[str, Opener] = {
    "sqlite": sqlite(limit=2000),
    "sqlite-limit-10": sqlite(limit=10),
    "dynamodb": dynamodb(light=False),
    "dynamodb-light": dynamodb(light=True),
}
_NEEDS: Mapping[str, Sequence[pytest.MarkDecorator]] = {
    "dynamodb": [pytest.mark.aws],
    "dynamodb-light": [pytest.mark.aws],
}


@pytest.fixture
def wait(clock: Clock) -> Callable[[timedelta], None]:
    """Let time pass."""
    return clock.forward


@pytest.fixture
def inbox() -> bool:
    """Whether the engine remembers ended deliveries; a test may say otherwise."""
    return True


@pytest.fixture(params=[pytest.param(name, marks=_NEEDS.get(name, ())) for name in ENGINES])
async def engine(request: pytest.FixtureRequest, clock: Clock, inbox: bool) -> AsyncIterator[Engine]:  # noqa: FBT001
    async with ENGINES[request.param](request, clock, inbox) as opened:
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


@pytest.fixture
def dynamo(aws: Aws, wire: Wire, stack: str, clock: Clock, tables_of: Any, plain_dynamodb: Any) -> DynamoEngine:  # noqa: ARG001
    """The DynamoDB engine alone; `wire` notes what it sends."""
    store = DynamoStore(aws, stack=stack, clock=clock, patience=Patience(known=1.5, unknown=2.0))
    engine = DynamoEngine(store, stack, tables_of, plain_dynamodb)
    store.committed = lambda events: engine.committed.extend(event.id for event in events)
    return engine
