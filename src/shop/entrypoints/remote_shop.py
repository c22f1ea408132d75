"""A shop, from outside: its HTTP API, as customers, staff and the payment provider see it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from time import monotonic
from typing import TypeVar
from urllib.parse import quote

import httpx
import msgspec

from shop.entrypoints.lanes import Lanes
from shop.entrypoints.terminal import HERE, Failed
from shop.kernel.clock import system_clock
from shop.platform import signatures
from shop.platform.settings import Settings
from shop.platform.tokens import Tokens

T = TypeVar("T")

FIRST_PAUSE = 0.02  # seconds between two looks at the same thing
_LONGEST_PAUSE = 0.5
_LIFETIME = timedelta(hours=12)  # of tokens
_TRY_LATER = (429, 503)
_NO_ENTRY = (401, 403)


class Trouble(Failed):
    """Something about one order, product or customer that did not go as it should."""


class OrderLine(msgspec.Struct, rename="camel"):
    """A line of an order."""

    product_id: str
    quantity: int
    unit_price: str


class RefundedLine(msgspec.Struct, rename="camel"):
    """So many of a product that came back."""

    product_id: str
    quantity: int


class Refund(msgspec.Struct, rename="camel"):
    """Money of an order that went back, and the goods it was for."""

    lines: list[RefundedLine]


class Order(msgspec.Struct, rename="camel"):
    """An order."""

    order_id: str
    customer_id: str
    status: str
    lines: list[OrderLine]
    total: str
    to_pay: str
    currency: str
    reference: str | None = None
    reason: str | None = None
    refunded_total: str = "0"
    refunds: list[Refund] = []


class Entry(msgspec.Struct, rename="camel"):
    """A line of a ledger of points."""

    kind: str
    points: int
    order_id: str | None = None


class _Page(msgspec.Struct, rename="camel"):
    data: list[msgspec.Raw]
    next_cursor: str | None = None


@asynccontextmanager
async def reached(url: str, settings: Settings, *, patience: float) -> AsyncIterator[RemoteShop]:
    """The shop there, with keys of these settings. `Failed` if nothing answers."""
    no_address = Failed(f"--url {url} is no address like {HERE}")
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise no_address from error
    if address.scheme not in ("http", "https") or not address.host:
        raise no_address
    tokens, secret = Tokens(settings.jwt_key, clock=system_clock), settings.payment_secrets[0]
    async with httpx.AsyncClient(base_url=address, timeout=30, transport=Lanes()) as client:
        try:
            await client.get("/health/live")
        except httpx.TransportError as error:
            raise Failed(f"nothing answers at {client.base_url}; start it with: shop serve") from error
        yield RemoteShop(
            client=client,
            token=cache(lambda role, subject: tokens.sign(subject=subject, role=role, lifetime=_LIFETIME)),
            sign=lambda body: signatures.sign(secret=secret, at=system_clock(), body=body),
            patience=patience,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteShop:
    """The HTTP API, asked again while it says «later»; every question asked here may come twice without harm.

    `token(role, subject)` signs a bearer token, `sign(body)` a payment notice; `patience` is how many seconds one
    thing may take to happen.
    """

    client: httpx.AsyncClient
    token: Callable[[str, str], str]
    sign: Callable[[bytes], str]
    patience: float

    async def ask(
        self,
        method: str,
        path: str,
        *,
        who: str | None = None,
        body: object = None,
        key: str | None = None,
        match: str | None = None,
        also_fine: int | None = None,
    ) -> httpx.Response:
        """As this customer, or as staff; `match` is the ETag that must still hold. A 2xx (or `also_fine`) answer."""
        token = self.token("customer", who) if who else self.token("staff", "replay")
        headers = {"Authorization": f"Bearer {token}"}
        if key:
            headers["Idempotency-Key"] = key
        if match:
            headers["If-Match"] = match
        if body is not None:
            headers["Content-Type"] = "application/json"
        content = msgspec.json.encode(body) if body is not None else b""
        return await self._send(method, path, headers, content, also_fine)

    async def order(self, order_id: str, *, who: str | None = None) -> Order:
        """As it is now."""
        answer = await self.ask("GET", f"/orders/{quote(order_id, safe='')}", who=who)
        return msgspec.json.decode(answer.content, type=Order)

    async def pay(self, order: Order, *, payment: str, amount: str | None = None, state: str = "completed") -> None:
        """As the payment provider."""
        notice = {
            "paymentId": payment,
            "orderId": order.order_id,
            "amount": amount or order.to_pay,
            "currency": order.currency,
            "status": state,
        }
        body = msgspec.json.encode(notice)
        headers = {"Payment-Signature": self.sign(body), "Content-Type": "application/json"}
        await self._send("POST", "/payments/webhook", headers, body)

    async def list(self, path: str, *, of: type[T], **question: str) -> AsyncIterator[T]:
        """All that the pages of a list have, as staff."""
        asked: dict[str, str] = {**question, "limit": "100"}
        while True:
            answer = await self.ask("GET", f"{path}?{httpx.QueryParams(asked)}")
            page = msgspec.json.decode(answer.content, type=_Page)
            for item in page.data:
                yield msgspec.json.decode(item, type=of)
            if not page.next_cursor:
                return
            asked["cursor"] = page.next_cursor

    async def see(self, look: Callable[[], Awaitable[T | None]], otherwise: str, *, pause: float = FIRST_PAUSE) -> T:
        """Look until there is something to see, ever less often; `Trouble` when patience is at its end."""
        until = monotonic() + self.patience
        while (seen := await look()) is None:
            if monotonic() > until:
                raise Trouble(f"{otherwise}, after {self.patience:g} s: is the shop still at work?")
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        return seen

    async def _send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, also_fine: int | None = None
    ) -> httpx.Response:
        until, pause = monotonic() + self.patience, FIRST_PAUSE
        while True:
            try:
                answer = await self.client.request(method, path, headers=headers, content=body)
            except httpx.TransportError as error:
                problem, wait = f"{type(error).__name__} {error}".strip(), pause
            else:
                if answer.is_success or answer.status_code == also_fine:
                    return answer
                problem = f"{method} {path}: {answer.status_code} {_detail(answer)}"
                if answer.status_code in _NO_ENTRY:
                    raise Failed(f"{problem}; run this with the SHOP_DATA (or SHOP_JWT_KEY, …) that the server has")
                if answer.status_code not in _TRY_LATER:
                    raise Trouble(problem)
                asked = answer.headers.get("Retry-After", "")
                wait = float(asked) if re.fullmatch(r"[0-9]{1,4}(\.[0-9]+)?", asked) else pause
            if monotonic() + wait > until:
                raise Failed(f"the shop has not answered for {self.patience:g} s ({problem}); look at its log")
            await asyncio.sleep(wait)
            pause = min(pause * 2, _LONGEST_PAUSE)


def _detail(answer: httpx.Response) -> str:
    """The sentence of a problem+json."""
    try:
        problem = msgspec.json.decode(answer.content, type=dict[str, object])
    except (msgspec.DecodeError, msgspec.ValidationError):
        return answer.text[:200]
    return str(problem.get("detail") or problem.get("title") or "")
