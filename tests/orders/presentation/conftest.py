"""Orders over HTTP: the real app, and people with tokens."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from itertools import count
from typing import Any

import httpx
import pytest

from shop.kernel.clock import Clock
from shop.kernel.ids import ids
from shop.orders.container import OrdersContainer
from shop.platform import signatures
from shop.platform.tokens import Tokens
from shop.platform.web import build_app


@pytest.fixture
async def http(wired: OrdersContainer, clock: Clock, documented) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(wired.api().routes(), tokens=Tokens("k" * 32, clock=clock), ids=ids(clock))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(documented(app, "orders")), base_url="http://shop"
    ) as client:
        yield client


@pytest.fixture
def bearer(clock: Clock) -> Callable[..., dict[str, str]]:
    """The header of somebody: `bearer("c1")`, `bearer("s1", "staff")`."""

    def header(subject: str, role: str = "customer") -> dict[str, str]:
        token = Tokens("k" * 32, clock=clock).sign(subject=subject, role=role, lifetime=timedelta(days=1))
        return {"Authorization": f"Bearer {token}"}

    return header


@pytest.fixture
def post_order(http, bearer) -> Callable[..., Awaitable[httpx.Response]]:
    """Places an order for two cups, or this body."""
    keys = count()

    def post(
        customer: str = "c1", *, key: str | None = None, body: Any = None, content: bytes | None = None
    ) -> Awaitable[httpx.Response]:
        body = {"items": [{"productId": "cup", "quantity": 2}]} if body is None else body
        headers = bearer(customer) | {"Idempotency-Key": f"key-{next(keys)}" if key is None else key}
        return http.post("/orders", headers=headers, content=json.dumps(body) if content is None else content)

    return post


@pytest.fixture
def webhook(http, clock) -> Callable[..., Awaitable[httpx.Response]]:
    """The payment provider tells of a payment."""

    def tell(
        order_id: str,
        *,
        secret: str = "n" * 32,
        late: timedelta = timedelta(),
        content: bytes | None = None,
        **told: Any,
    ) -> Awaitable[httpx.Response]:
        payment = {"paymentId": "pay_1", "orderId": order_id, "amount": "19.98", "currency": "EUR"}
        body = json.dumps(payment | {"status": "completed"} | told).encode() if content is None else content
        signature = signatures.sign(secret=secret, at=clock() - late, body=body)
        return http.post("/payments/webhook", headers={"Payment-Signature": signature}, content=body)

    return tell
