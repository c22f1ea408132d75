"""Rewards on the SQLite engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from dependency_injector import providers

from shop.kernel.clock import Clock
from shop.kernel.events import Cause, Delivery, Envelope
from shop.kernel.ids import ids
from shop.platform.storage.sqlite import SqliteStore
from shop.rewards.container import RewardsContainer


@pytest.fixture
def inbox() -> bool:
    """Whether the store remembers ended deliveries; a test may say otherwise."""
    return True


@pytest.fixture
async def store(tmp_path: Path, clock: Clock, inbox: bool) -> AsyncIterator[SqliteStore]:  # noqa: FBT001
    store = SqliteStore(tmp_path / "shop.db", clock=clock, inbox=inbox)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def wired(store: SqliteStore, clock: Clock) -> RewardsContainer:
    given = {"engine": store, "clock": clock, "ids": ids(clock)}
    return RewardsContainer(**{name: providers.Object(value) for name, value in given.items()})


@pytest.fixture(scope="session")
def because() -> Callable[..., Cause]:
    """An event as a cause, on its way to rewards if it has a delivery."""

    def cause(name: str = "evt_1", *, delivery: int | None = None) -> Cause:
        return Cause(id=name, delivery=Delivery(str(delivery), name, "rewards") if delivery is not None else None)

    return cause


@pytest.fixture
def issued(store: SqliteStore) -> Callable[[], Sequence[dict[str, Any]]]:
    """The data of every `reward.issued`."""

    def events() -> Sequence[dict[str, Any]]:
        rows = store.file.reader.execute("SELECT body FROM events WHERE type = 'reward.issued' ORDER BY seq").fetchall()
        return [msgspec.json.decode(msgspec.json.decode(body, type=Envelope).data) for (body,) in rows]

    return events
