"""A shop with something of everything: products of each kind, orders that stand in each way, points and credit."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from itertools import count
from typing import Any

from fuzz.known import CATEGORIES, CURRENCY, CUSTOMERS, EXPENDABLE, SOLD_OUT, STAPLES
from torture.client import Client, Keys, Progress
from torture.server import Server

_STAFF = ("staff", "clerk")
_PLENTY = 1_000_000
_PATIENCE = 30  # seconds


async def furnish(server: Server, keys: Keys) -> list[dict[str, Any]]:
    """Bring it all in, through the API; the orders. `Wrong` or `TimeoutError` where that does not go well."""
    house = _House(Client(server, keys, Progress()))
    async with asyncio.timeout(_PATIENCE):
        await house.products()
        for customer in CUSTOMERS:
            await house.orders(customer)
        placed = [await house.read(f"/orders/{order_id}") for order_id in house.placed]
    house.client.close()
    await asyncio.sleep(0)  # so that it has hung up when the loop ends
    return placed


@dataclass
class _House:
    client: Client

    def __post_init__(self) -> None:
        self.numbers = count()
        self.placed: list[str] = []

    async def products(self) -> None:
        for number, product in enumerate((*STAPLES, *EXPENDABLE, SOLD_OUT)):
            told = {"productId": product, "sku": product, "name": f"Smoky tea house {product}", "groupId": "tea"}
            sold = {"category": CATEGORIES[number % len(CATEGORIES)], "basePrice": "9.99", "currency": CURRENCY}
            await self.client.ask("POST", "/products", who=_STAFF, body=told | sold)
            counted = {"onHand": 0 if product == SOLD_OUT else _PLENTY, "reason": "first delivery"}
            await self.client.ask("POST", f"/products/{product}/stock", who=_STAFF, body=counted, key=f"1-{product}")

    async def orders(self, customer: str) -> None:
        """Points and credit first; then an order that stands in each way."""
        await self.pay(await self.place(customer, quantity=1000), "completed")
        await self.until(f"/rewards/{customer}", lambda account: account["balance"] > 0)
        who, body = ("customer", customer), {"points": 500}
        await self.client.ask("POST", f"/rewards/{customer}/redemptions", who=who, body=body, key=f"first-{customer}")
        await self.until(f"/credit/{customer}", lambda account: account["credit"] != {})
        await self.pay(await self.place(customer, useCredit=True), "completed")
        await self.place(customer)
        await self.place(customer, product=SOLD_OUT)
        await self.pay(await self.place(customer), "failed")
        refunded, cancelled = await self.place(customer, quantity=3), await self.place(customer)
        await self.pay(refunded, "completed")
        part = {"lines": [{"productId": STAPLES[0], "quantity": 1, "restock": True}]}
        path = f"/orders/{refunded['orderId']}"
        await self.client.ask("POST", f"{path}/refunds", who=_STAFF, body=part, key=f"part-{customer}")
        await self.client.ask("POST", f"/orders/{cancelled['orderId']}/cancel", who=_STAFF)
        await self.pay(cancelled, "completed")

    async def place(self, customer: str, *, product: str = STAPLES[0], quantity: int = 2, **more: Any) -> Any:
        """An order, decided: its stock is reserved, or there is none."""
        body, key = {"items": [{"productId": product, "quantity": quantity}]} | more, f"first-{next(self.numbers)}"
        placed = await self.client.ask("POST", "/orders", who=("customer", customer), body=body, key=key)
        self.placed.append(json.loads(placed.body)["orderId"])
        return await self.until(f"/orders/{self.placed[-1]}", lambda order: order["status"] != "pending")

    async def pay(self, order: dict[str, Any], status: str) -> None:
        """Told by the provider, and seen by the order."""
        notice = {"paymentId": f"pay-{next(self.numbers)}", "orderId": order["orderId"], "status": status}
        await self.client.tell_of_payment(notice | {"amount": order["toPay"], "currency": CURRENCY})
        known = len(order["timeline"])
        await self.until(f"/orders/{order['orderId']}", lambda now: len(now["timeline"]) > known)

    async def until(self, path: str, condition: Any) -> Any:
        """What is read there, once it is so."""
        while not condition(view := await self.read(path)):
            await asyncio.sleep(0.002)
        return view

    async def read(self, path: str) -> Any:
        return json.loads((await self.client.ask("GET", path, who=_STAFF)).body)
