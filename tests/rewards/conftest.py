"""Rewards on the SQLite engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from dependency_injector import providers

from shop.kernel.clock import Clock
from shop.kernel.events import Cause, Delivery, Envelope, Event
from shop.kernel.idempotency import Once
from shop.kernel.ids import ids
from shop.kernel.money import Money
from shop.orders.contract import OrderCompleted, OrderRefunded
from shop.platform.retry import again
from shop.platform.settings import read_settings
from shop.platform.storage.sqlite import SqliteStore
from shop.rewards.application.redeem_points import PointsRedeemed
from shop.rewards.container import RewardsContainer
from shop.rewards.domain.account import Account
from shop.rewards.domain.entry import Entry

NOW = "2026-11-23T04:00:00.000000Z"  # as the clock of the tests stands


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
def wired(store: SqliteStore, clock: Clock, tmp_path: Path) -> RewardsContainer:
    given = {
        "engine": store,
        "clock": clock,
        "ids": ids(clock),
        "settings": read_settings({"SHOP_DATA": str(tmp_path)}),
    }
    return RewardsContainer(**{name: providers.Object(value) for name, value in given.items()})


@pytest.fixture(scope="session")
def because() -> Callable[..., Cause]:
    """An event as a cause, on its way to rewards if it has a delivery."""

    def cause(name: str = "evt_1", *, delivery: int | None = None) -> Cause:
        return Cause(id=name, delivery=Delivery(str(delivery), name, "rewards") if delivery is not None else None)

    return cause


@pytest.fixture
def published(store: SqliteStore) -> Callable[[str], Sequence[dict[str, Any]]]:
    """The data of every event of a type, in the order of their commits."""

    def events(kind: str) -> Sequence[dict[str, Any]]:
        rows = store.file.reader.execute("SELECT body FROM events WHERE type = ? ORDER BY seq", (kind,)).fetchall()
        return [msgspec.json.decode(msgspec.json.decode(body, type=Envelope).data) for (body,) in rows]

    return events


@pytest.fixture
def entries(wired: RewardsContainer) -> Callable[..., Awaitable[Sequence[Entry]]]:
    """A customer's ledger, newest first."""

    async def of(customer: str = "c1") -> Sequence[Entry]:
        return (await wired.ledger().entries(customer, after=None, limit=100))[0]

    return of


@pytest.fixture
def account(wired: RewardsContainer) -> Callable[..., Awaitable[Account]]:
    async def of(customer: str = "c1") -> Account:
        return await wired.ledger().account(customer)

    return of


@pytest.fixture
def differences(wired: RewardsContainer) -> Callable[[], Awaitable[list[str]]]:
    """What an audit finds."""

    async def found() -> list[str]:
        return [difference async for difference in wired.audit()()]

    return found


def _envelope(fact: Event, event_id: str, at: str) -> Envelope:
    return Envelope(
        id=event_id,
        type=fact.TYPE,
        source="/shop/orders",
        subject=getattr(fact, fact.ABOUT),
        time=at,
        dataschema=f"urn:shop:{fact.TYPE}:1",
        data=msgspec.Raw(msgspec.json.encode(fact)),
    )


@pytest.fixture(scope="session")
def completed() -> Callable[..., Envelope]:
    """`order.completed`, as orders tells it."""

    def told(
        order_id: str, *, customer: str = "c1", total: str = "29.99", currency: str = "EUR", at: str = NOW
    ) -> Envelope:
        fact = OrderCompleted(order_id=order_id, customer_id=customer, total=total, currency=currency)
        return _envelope(fact, f"evt_completed_{order_id}", at)

    return told


@pytest.fixture(scope="session")
def refunded() -> Callable[..., Envelope]:
    """`order.refunded`, as orders tells it: the remaining total was `before` and is `after`."""

    def told(
        order_id: str,
        refund_id: str,
        *,
        before: str,
        after: str,
        customer: str = "c1",
        currency: str = "EUR",
        at: str = NOW,
    ) -> Envelope:
        fact = OrderRefunded(
            refund_id=refund_id,
            order_id=order_id,
            customer_id=customer,
            amount=str(Money.parse(before, currency) - Money.parse(after, currency)),
            currency=currency,
            remaining_before=before,
            remaining_after=after,
        )
        return _envelope(fact, f"evt_{refund_id}", at)

    return told


@pytest.fixture
def hear(wired: RewardsContainer) -> Callable[[Envelope], Awaitable[None]]:
    """Tell rewards of an event."""

    async def told(envelope: Envelope) -> None:
        await again(wired.reactions().table()[envelope.type], envelope, Cause(id=envelope.id))

    return told


@pytest.fixture
def redeem(wired: RewardsContainer) -> Callable[..., Awaitable[PointsRedeemed]]:
    """Redeem points; each time with a key of its own, unless it is named."""
    keys = count()

    async def asked(points: int, *, customer: str = "c1", key: str | None = None) -> PointsRedeemed:
        once = Once(key=f"{customer}/redeem-points/{key or next(keys)}", fingerprint=str(points))
        return await again(
            wired.redeem_points(), customer_id=customer, points=points, once=once, cause=Cause(id="req_1")
        )

    return asked
