"""What people do with an order: a table of acts, each some steps; what was answered is written down as it comes."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from time import monotonic
from typing import Any

import msgspec

from torture.client import Client, Wrong

STAFF = ("staff", "clerk")
_LOOK = 0.02  # seconds between two looks at an order that is waited for
_PATIENCE = 150  # seconds for it: a delivery that failed is tried again after a minute


@dataclass
class Books:
    """What was acknowledged besides orders: all of it must be there in the end, once."""

    delivered: Counter[str] = field(default_factory=Counter)  # product -> units that staff put in
    redeemed: Counter[str] = field(default_factory=Counter)  # customer -> points
    credited: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))  # customer -> what for them
    acts: Counter[str] = field(default_factory=Counter)


@dataclass
class Placed:
    """An order that was acknowledged, and what else was acknowledged about it. Amounts are decimals."""

    key: str
    customer: str
    request: dict[str, Any]
    answer: bytes
    payments: set[str] = field(default_factory=set)
    cancelled: bool | None = None  # False: refused, because it was completed
    refunded: Decimal = Decimal(0)
    to_payment: Decimal = Decimal(0)  # of what was refunded; the rest went to the credit used
    refunds: set[str] = field(default_factory=set)
    restocked: Counter[str] = field(default_factory=Counter)

    @property
    def order(self) -> dict[str, Any]:
        """As it was placed."""
        return dict(msgspec.json.decode(self.answer))

    @property
    def order_id(self) -> str:
        """Its id."""
        return str(self.order["orderId"])


Step = Callable[[Client, Placed, Books, Random], Awaitable[None]]


async def place(client: Client, *, key: str, customer: str, copies: int, **request: Any) -> Placed:
    """Place an order and wait for the answer, whatever happens to the server."""
    request["reference"] = key
    answer = await client.ask("POST", "/orders", who=("customer", customer), body=request, key=key, copies=copies)
    return Placed(key, customer, request, answer.body)


async def pay(client: Client, placed: Placed, _: Books, __: Random, *, card: str = "one") -> None:
    """The provider tells that it is paid, if it costs anything; told again it is the same payment."""
    order, payment = placed.order, f"{card}-{placed.key}"
    if not Decimal(order["toPay"]):
        return
    told = {"paymentId": payment, "orderId": order["orderId"], "amount": order["toPay"]}
    await client.tell_of_payment(told | {"currency": order["currency"], "status": "completed"})
    placed.payments.add(payment)


async def pay_with_another_card(client: Client, placed: Placed, books: Books, random: Random) -> None:
    """Money that is owed back."""
    await pay(client, placed, books, random, card="two")


async def cancel(client: Client, placed: Placed, _: Books, random: Random) -> None:
    """By its owner or staff; a completed one cannot be."""
    who = random.choice([("customer", placed.customer), STAFF])
    answer = await client.ask("POST", f"/orders/{placed.order_id}/cancel", who=who, fine=(200, 409))
    placed.cancelled = answer.status == 200  # noqa: PLR2004


async def send_back(client: Client, placed: Placed, _: Books, random: Random) -> None:
    """One of its lines comes back and is paid back, if it was completed."""
    if await _completed(client, placed):
        line = random.choice(placed.order["lines"])
        goods = {"productId": line["productId"], "quantity": line["quantity"], "restock": True}
        await _refund(client, placed, {"lines": [goods]})
        placed.restocked[line["productId"]] += line["quantity"]


async def give_some_back(client: Client, placed: Placed, _: Books, __: Random) -> None:
    """An amount, twice, each with a key of its own, if it was completed."""
    if await _completed(client, placed):
        await _refund(client, placed, {"amount": "0.30"})
        await _refund(client, placed, {"amount": "0.20"})


async def put_in(client: Client, placed: Placed, books: Books, random: Random) -> None:
    """Staff deliver more of a product meanwhile."""
    product = placed.request["items"][0]["productId"]
    delta = random.randint(1, 5)
    body = {"delta": delta, "reason": "delivery"}
    key = f"{placed.key}-put-in"
    await client.ask("POST", f"/products/{product}/stock", who=STAFF, body=body, key=key, copies=random.randint(1, 2))
    books.delivered[product] += delta


async def redeem(client: Client, placed: Placed, books: Books, random: Random) -> None:
    """The customer turns points into credit, if there are so many."""
    path, body, who = f"/rewards/{placed.customer}/redemptions", {"points": random.randint(1, 90)}, placed.customer
    key = f"{placed.key}-redeem"
    answer = await client.ask("POST", path, who=("customer", who), body=body, key=key, fine=(201, 409))
    if answer.status == 201:  # noqa: PLR2004
        books.redeemed[who] += body["points"]
        books.credited[who] += Decimal(msgspec.json.decode(answer.body)["credit"])


@dataclass(frozen=True, slots=True)
class Act:
    """How often in a hundred, and what is done one after the other."""

    name: str
    share: int
    steps: tuple[Step, ...]


ACTS = (
    Act("paid", 52, (pay,)),
    Act("paid, and points redeemed", 6, (pay, redeem)),
    Act("told twice that it is paid", 4, (pay, pay)),
    Act("paid with two cards", 4, (pay, pay_with_another_card)),
    Act("cancelled", 6, (cancel,)),
    Act("paid and then cancelled", 6, (pay, cancel)),
    Act("cancelled and then paid", 4, (cancel, pay)),
    Act("paid and sent back", 5, (pay, send_back)),
    Act("paid and some of it given back", 4, (pay, give_some_back)),
    Act("paid while more is delivered", 4, (put_in, pay)),
    Act("left unpaid", 5, ()),
)


def chosen(random: Random) -> Act:
    """One of them, as often as their shares say."""
    return random.choices(ACTS, weights=[act.share for act in ACTS])[0]


async def _completed(client: Client, placed: Placed) -> bool:
    """Whether it was, as soon as that is decided."""
    until = monotonic() + _PATIENCE
    while monotonic() < until:
        answer = await client.ask("GET", f"/orders/{placed.order_id}", who=STAFF)
        status = msgspec.json.decode(answer.body)["status"]
        if status in ("completed", "cancelled"):
            return bool(status == "completed")
        await asyncio.sleep(_LOOK)
    raise Wrong(f"{placed.key} {placed.order_id}: for {_PATIENCE} s it is neither completed nor cancelled")


async def _refund(client: Client, placed: Placed, body: dict[str, Any]) -> None:
    key = f"{placed.key}-refund-{len(placed.refunds)}"
    path = f"/orders/{placed.order_id}/refunds"
    refund = msgspec.json.decode((await client.ask("POST", path, who=STAFF, body=body, key=key, copies=2)).body)
    placed.refunds.add(refund["refundId"])
    placed.refunded += Decimal(refund["amount"])
    placed.to_payment += Decimal(refund["toPayment"])
