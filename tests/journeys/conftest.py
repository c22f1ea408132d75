"""A shop that is open and serves, and a customer's and a clerk's way to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from shop.entrypoints.monolith import Shop, opened
from shop.kernel.clock import system_clock
from shop.platform import signatures
from shop.platform.settings import Settings, read_settings


@dataclass
class Story:
    """What people do with a shop, over HTTP."""

    http: httpx.AsyncClient
    shop: Shop
    settings: Settings

    def bearer(self, subject: str, role: str = "customer") -> dict[str, str]:
        token = self.shop.tokens.sign(subject=subject, role=role, lifetime=timedelta(hours=1))
        return {"Authorization": f"Bearer {token}"}

    async def sell(self, product_id: str, *, price: str = "9.99", on_hand: int = 10, currency: str = "EUR") -> None:
        body = {"productId": product_id, "sku": product_id, "name": product_id, "category": "Home", "basePrice": price}
        staff = self.bearer("clerk", "staff")
        made = await self.http.post("/products", headers=staff, json=body | {"currency": currency})
        assert made.status_code == 201, made.text
        stocked = await self.http.post(
            f"/products/{product_id}/stock",
            headers=staff | {"Idempotency-Key": f"first-{product_id}"},
            json={"onHand": on_hand, "reason": "first delivery"},
        )
        assert stocked.status_code == 200, stocked.text

    async def order(self, customer: str, *items: tuple[str, int], key: str = "one", **more: Any) -> httpx.Response:
        body = {"items": [{"productId": product, "quantity": quantity} for product, quantity in items]} | more
        return await self.http.post("/orders", headers=self.bearer(customer) | {"Idempotency-Key": key}, json=body)

    async def pay(self, order: dict[str, Any], payment_id: str = "pay_1", **other: Any) -> httpx.Response:
        told = {"paymentId": payment_id, "orderId": order["orderId"], "amount": order["total"]}
        body = json.dumps(told | {"currency": order["currency"], "status": "completed"} | other).encode()
        signature = signatures.sign(secret=self.settings.payment_secrets[0], at=self.shop.clock(), body=body)
        return await self.http.post("/payments/webhook", headers={"Payment-Signature": signature}, content=body)

    async def read(self, order: dict[str, Any], customer: str) -> dict[str, Any]:
        answer = await self.http.get(f"/orders/{order['orderId']}", headers=self.bearer(customer))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def stock(self, product_id: str) -> dict[str, Any]:
        return dict(
            (await self.http.get(f"/products/{product_id}/stock", headers=self.bearer("clerk", "staff"))).json()
        )

    async def points(self, customer: str) -> int:
        return int((await self.http.get(f"/rewards/{customer}", headers=self.bearer(customer))).json()["balance"])

    async def until_quiet(self) -> None:
        """Everything that was caused has happened."""
        await self.until(self.shop.bus.idle)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():  # noqa: ASYNC110 - asked of the store
                await asyncio.sleep(0.005)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings({"SHOP_DATA": str(tmp_path / "data"), "SHOP_LOG": "error"})


@dataclass
class LaterClock:
    """The system's clock, some time later."""

    by: timedelta = timedelta()

    def __call__(self) -> datetime:
        return system_clock() + self.by


@pytest.fixture
def shop_clock() -> LaterClock:
    return LaterClock()


@pytest.fixture
def later(shop_clock: LaterClock) -> Callable[[timedelta], None]:
    """Let time pass."""

    def pass_by(time: timedelta) -> None:
        shop_clock.by += time

    return pass_by


@pytest.fixture
def visiting(shop_clock: LaterClock, documented: Any) -> Callable[..., AbstractAsyncContextManager[Story]]:
    @asynccontextmanager
    async def visit(settings: Settings, *, serving: bool) -> AsyncIterator[Story]:
        async with (
            opened(settings, serving=serving, clock=shop_clock) as shop,
            httpx.AsyncClient(
                transport=httpx.ASGITransport(documented(shop.app, "shop")), base_url="http://shop"
            ) as http,
        ):
            yield Story(http, shop, settings)

    return visit


@pytest.fixture
async def still(settings: Settings, visiting: Callable[..., Any]) -> AsyncIterator[Shop]:
    """A shop that takes commands and makes no deliveries by itself."""
    async with visiting(settings, serving=False) as story:
        yield story.shop


@pytest.fixture
async def story(settings: Settings, visiting: Callable[..., Any]) -> AsyncIterator[Story]:
    async with visiting(settings, serving=True) as story:
        yield story
