"""What people do with a shop, over HTTP, wherever its contexts run."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx

from parity.topology import JWT_KEY, PAYMENT_SECRET
from parity.transcript import Recorder
from shop.kernel.clock import Clock, system_clock
from shop.platform import signatures
from shop.platform.tokens import Tokens

if TYPE_CHECKING:
    from parity.running import Running
    from parity.stack import Stack

_CREATED, _OK = 201, 200
_PAGE = 100


@dataclass(kw_only=True)
class Story:
    """A shop that serves, and a customer's and a clerk's way to it; `quiet` waits until nothing is on its way."""

    http: httpx.AsyncClient
    tokens: Tokens
    payment_secret: str
    clock: Clock
    quiet: Callable[[], Awaitable[None]]
    feed: Callable[[], Awaitable[list[dict[str, Any]]]] | None = None  # at once, where the shop's own lags behind
    recorder: Recorder = field(default_factory=Recorder)

    def __post_init__(self) -> None:
        self.http.event_hooks["response"].append(self.recorder)

    def bearer(self, subject: str, role: str = "customer") -> dict[str, str]:
        """A header that says who asks."""
        if role == "customer":
            self.recorder.customers.add(subject)
        token = self.tokens.sign(subject=subject, role=role, lifetime=timedelta(hours=1))
        return {"Authorization": f"Bearer {token}"}

    async def sell(self, product_id: str, *, price: str = "9.99", on_hand: int = 10, currency: str = "EUR") -> None:
        """A new product, and so many of it."""
        body = {"productId": product_id, "sku": product_id, "name": product_id, "category": "Home", "basePrice": price}
        staff = self.bearer("clerk", "staff")
        made = await self.http.post("/products", headers=staff, json=body | {"currency": currency})
        _is(made, _CREATED)
        stocked = await self.http.post(
            f"/products/{product_id}/stock",
            headers=staff | {"Idempotency-Key": f"first-{product_id}"},
            json={"onHand": on_hand, "reason": "first delivery"},
        )
        _is(stocked, _OK)

    async def order(self, customer: str, *items: tuple[str, int], key: str = "one", **more: Any) -> httpx.Response:
        """The answer to an order of these products and quantities."""
        body = {"items": [{"productId": product, "quantity": quantity} for product, quantity in items]} | more
        return await self.http.post("/orders", headers=self.bearer(customer) | {"Idempotency-Key": key}, json=body)

    async def pay(self, order: dict[str, Any], payment_id: str = "pay_1", **other: Any) -> httpx.Response:
        """The answer to the payment provider, who says that the order is paid."""
        told = {"paymentId": payment_id, "orderId": order["orderId"], "amount": order["total"]}
        body = json.dumps(told | {"currency": order["currency"], "status": "completed"} | other).encode()
        signature = signatures.sign(secret=self.payment_secret, at=self.clock(), body=body)
        return await self.http.post("/payments/webhook", headers={"Payment-Signature": signature}, content=body)

    async def read(self, order: dict[str, Any], customer: str) -> dict[str, Any]:
        """The order as its customer sees it now."""
        answer = await self.http.get(f"/orders/{order['orderId']}", headers=self.bearer(customer))
        _is(answer, _OK)
        return dict(answer.json())

    async def stock(self, product_id: str) -> dict[str, Any]:
        """What there is of a product."""
        return dict(
            (await self.http.get(f"/products/{product_id}/stock", headers=self.bearer("clerk", "staff"))).json()
        )

    async def points(self, customer: str) -> int:
        """A customer's balance."""
        return int((await self.http.get(f"/rewards/{customer}", headers=self.bearer(customer))).json()["balance"])

    async def events(self, *kinds: str) -> list[dict[str, Any]]:
        """All there were of these types, each once; none given: of all. Nothing of that is written down."""
        self.recorder.listening, before = False, self.recorder.listening
        try:
            return await self._events(kinds)
        finally:
            self.recorder.listening = before

    async def _events(self, kinds: Sequence[str]) -> list[dict[str, Any]]:
        if self.feed is not None:
            once = {event["id"]: event for event in await self.feed()}
            return [event for event in once.values() if not kinds or event["type"] in kinds]
        found: dict[str, dict[str, Any]] = {}
        asked = {"limit": f"{_PAGE}", **({"type": ",".join(kinds)} if kinds else {})}
        while True:
            page = (await self.http.get("/events", params=asked, headers=self.bearer("clerk", "staff"))).json()
            found |= {event["id"]: event for event in page["data"]}
            if len(page["data"]) < _PAGE:
                return list(found.values())
            asked["after"] = page["nextCursor"]

    async def until_quiet(self) -> None:
        """Everything that was caused has happened."""
        await self.quiet()
        self.recorder.quiet = True


@asynccontextmanager
async def within(running: Running, *, more: bool = True) -> AsyncIterator[tuple[Story, Stack]]:
    """A story in a shop that is apart, and what that has on AWS; emptied in the end, if there are `more` to come."""
    async with running.visited() as stack, running.client() as http:
        yield (
            Story(
                http=http,
                tokens=Tokens(JWT_KEY, clock=system_clock),
                payment_secret=PAYMENT_SECRET,
                clock=system_clock,
                quiet=stack.until_quiet,
                feed=stack.events,
            ),
            stack,
        )
        if more:
            await stack.until_quiet()
            await stack.clear()


def _is(answer: httpx.Response, status: int) -> None:
    if answer.status_code != status:
        raise AssertionError(f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}")
