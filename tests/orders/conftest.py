"""Orders on the SQLite engine, beside a catalog made by hand; and builders."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from dependency_injector import providers

from shop.kernel.clock import Clock
from shop.kernel.events import Cause, Delivery, Envelope
from shop.kernel.idempotency import Once
from shop.kernel.ids import ids
from shop.orders.application.create_order import NewOrder
from shop.orders.container import OrdersContainer
from shop.orders.domain.lines import Line
from shop.orders.domain.order import Captured, Moment, Order, place
from shop.platform.http.client import Client
from shop.platform.settings import Settings
from shop.platform.storage.sqlite import SqliteStore

SECRETS = ("n" * 32, "o" * 32)


@dataclass
class Shelf(httpx.AsyncBaseTransport):
    """A catalog that has these products, as it sends them."""

    products: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: int = 0
    answer: httpx.Response | None = None

    def has(self, product_id: str, price: str = "10.00", currency: str = "EUR", **more: Any) -> None:
        self.products[product_id] = {
            "productId": product_id,
            "name": f"Product {product_id}",
            "basePrice": price,
            "currency": currency,
            "status": "active",
        } | more

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.answer is not None:
            return self.answer
        found = [self.products[one] for one in request.url.params["ids"].split(",") if one in self.products]
        return httpx.Response(200, json={"data": found}, headers={"Cache-Control": "max-age=300"})


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "shop.db", clock=clock)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def shelf() -> Shelf:
    """Two products in euros, one in dollars."""
    shelf = Shelf()
    shelf.has("cup", "9.99")
    shelf.has("pot", "30.00", discountedPrice="25.00")
    shelf.has("usd", "1.00", "USD")
    return shelf


@pytest.fixture
async def catalog_client(shelf: Shelf, clock: Clock) -> AsyncIterator[Client]:
    client = Client(shelf, base_url="http://catalog", budget=5, now=lambda: 0.0, wall=clock, most=1_000_000)
    yield client
    await client.close()


@pytest.fixture
def admitted() -> list[Exception]:
    """What is raised instead of letting an order in."""
    return []


@pytest.fixture
def wired(store: SqliteStore, catalog_client: Client, clock: Clock, tmp_path: Path, admitted) -> OrdersContainer:
    def admit() -> None:
        for refusal in admitted:
            raise refusal

    settings = Settings(
        data=tmp_path,
        jwt_key="k" * 32,
        payment_secrets=SECRETS,
        order_expiry=timedelta(minutes=30),
        catalog_budget=5,
        log_level="info",
    )
    given = {
        "engine": store,
        "catalog_client": catalog_client,
        "clock": clock,
        "ids": ids(clock),
        "settings": settings,
        "admit": admit,
    }
    return OrdersContainer(**{name: providers.Object(value) for name, value in given.items()})


@pytest.fixture
def new() -> Callable[..., NewOrder]:
    """A customer's wish for so many of some products: `new(cup=2)`."""
    keys = count()

    def wish(
        *,
        key: str | None = None,
        customer: str = "c1",
        expected: str | None = None,
        use_credit: bool = False,
        **items: int,
    ) -> NewOrder:
        return NewOrder(
            customer_id=customer,
            items=list(items.items()),
            once=Once(
                key=f"{customer}/create-order/{next(keys) if key is None else key}",
                fingerprint=hashlib.sha256(repr(items).encode()).hexdigest(),
            ),
            use_credit=use_credit,
            expected_total=expected,
        )

    return wish


@pytest.fixture(scope="session")
def because() -> Callable[..., Cause]:
    """A request, or an event on its way to orders, as a cause."""

    def cause(name: str = "req_1", *, delivery: int | None = None) -> Cause:
        return Cause(id=name, delivery=Delivery(str(delivery), name, "orders") if delivery is not None else None)

    return cause


@pytest.fixture
def placed(wired: OrdersContainer, new, because) -> Callable[..., Awaitable[Order]]:
    """An order that was placed: `placed(cup=2)`."""

    async def order(**wish: Any) -> Order:
        return (await wired.create_order()(wanted=new(**wish), cause=because()))[0]

    return order


@pytest.fixture
def published(store: SqliteStore) -> Callable[..., Sequence[tuple[str, dict[str, Any]]]]:
    """The events that were committed, as (type, data)."""

    def events(*kinds: str) -> Sequence[tuple[str, dict[str, Any]]]:
        rows = store.file.reader.execute("SELECT body FROM events ORDER BY seq").fetchall()
        envelopes = [msgspec.json.decode(body, type=Envelope) for (body,) in rows]
        return [(e.type, msgspec.json.decode(e.data)) for e in envelopes if not kinds or e.type in kinds]

    return events


@pytest.fixture(scope="session")
def moment() -> Callable[..., Moment]:
    return lambda by="evt_1", what="happened": Moment(what=what, at="2026-11-23T04:00:00.000000Z", by=by)


@pytest.fixture(scope="session")
def order(moment) -> Order:
    """Two cups for 19.98 EUR, pending."""
    return place(
        order_id="ord_1",
        customer_id="c1",
        lines=[Line(product_id="cup", name="Cup", quantity=2, price=999)],
        currency="EUR",
        credit=0,
        placed=moment("req_1", "order.created"),
        expires_at="2026-11-23T04:30:00.000000Z",
    )


@pytest.fixture(scope="session")
def captured() -> Callable[..., Captured]:
    """A payment of two cups, taken so many seconds after four."""
    return lambda second=0, amount=1998: Captured(amount=amount, at=f"2026-11-23T04:00:{second:02d}.000000Z")
