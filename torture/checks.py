"""What must be so in the end: each check compares what was acknowledged with what the shop has."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import msgspec

from torture.acts import STAFF, Books, Placed
from torture.client import Client

View = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, how many times, and each time it was not so."""

    what: str
    count: int
    faults: Sequence[str]


@dataclass(frozen=True, slots=True)
class Found:
    """What the shop has, as its API says."""

    orders: Sequence[View]
    stock: Mapping[str, View]
    points: Mapping[str, int]
    credit: Mapping[str, Decimal]


async def read_all(client: Client, *, customers: Iterable[str], products: Iterable[str]) -> Found:
    """All orders of these customers, their points, and the stock of these products."""
    orders = [order for customer in customers async for order in _orders_of(client, customer)]
    stock = {product: await _read(client, f"/products/{product}/stock") for product in products}
    points = {customer: (await _read(client, f"/rewards/{customer}"))["balance"] for customer in customers}
    credit = {customer: await _credit(client, customer) for customer in points}
    return Found(orders, stock, points, credit)


def compared(found: Found, placed: Sequence[Placed], books: Books) -> list[Check]:
    """The shop's state against what was acknowledged."""
    there = {order["orderId"]: order for order in found.orders}
    return [
        Check("no acknowledged order lost, none doubled", len(placed), list(_lost_or_doubled(found.orders, placed))),
        Check("each stands as was acknowledged", len(placed), list(_each(_stands_otherwise, placed, there))),
        Check("money owed and paid back as was acknowledged", len(placed), list(_each(_owes_otherwise, placed, there))),
        Check("stock: on hand - available = open orders' lines", len(found.stock), list(_held(found))),
        Check("stock: sold = completed orders' lines - restocked", len(found.stock), list(_sold(found, placed))),
        Check("stock: on hand + sold = delivered", len(found.stock), list(_delivered(found, books))),
        Check("points: whole units, less refunded, less redeemed", len(found.points), list(_points(found, books))),
        Check("credit: redeemed, less what orders used and keep", len(found.credit), list(_credits(found, books))),
    ]  # fmt: skip


async def replayed(client: Client, placed: Sequence[Placed]) -> Check:
    """Every key asked once more: the same answer, to the byte, and nothing new."""
    faults = []
    for one in placed:
        who = ("customer", one.customer)
        answer = await client.ask("POST", "/orders", who=who, body=one.request, key=one.key)
        if answer.body != one.answer or answer.headers.get("idempotent-replayed") != "true":
            faults.append(f"{one.key}: {answer.body[:100]!r}, was {one.answer[:100]!r}")
    return Check("each key answered once more, to the byte", len(placed), faults)


def _lost_or_doubled(orders: Sequence[View], placed: Sequence[Placed]) -> Iterator[str]:
    of_key = Counter(order["reference"] for order in orders)
    there = {order["orderId"] for order in orders}
    for one in placed:
        if of_key[one.key] != 1 or one.order_id not in there:
            yield f"{one.key}: {of_key[one.key]} orders, and {one.order_id} {'is' if one.order_id in there else 'not'}"
    for key in of_key.keys() - {one.key for one in placed}:
        yield f"{key}: an order that nobody was told of"


def _each(
    differs: Callable[[Placed, View], str | None], placed: Sequence[Placed], there: Mapping[str, View]
) -> Iterator[str]:
    for one in placed:
        if (order := there.get(one.order_id)) and (how := differs(one, order)):
            yield f"{one.key} {one.order_id}: {how}"


def _stands_otherwise(one: Placed, order: View) -> str | None:
    may_be: list[tuple[str, str | None]]
    if one.cancelled:
        may_be = [("cancelled", "customer"), ("cancelled", "staff"), ("cancelled", "out_of_stock")]
    elif one.cancelled is False or one.refunds:
        may_be = [("completed", None)]
    else:
        paid = one.payments or not Decimal(order["toPay"])
        may_be = [("completed" if paid else "confirmed", None), ("cancelled", "out_of_stock")]
    stands = (order["status"], order.get("reason"))
    fixed = {name: order[name] for name in ("lines", "total", "toPay", "customerId", "createdAt")}
    if fixed != {name: one.order[name] for name in fixed}:
        return f"{fixed}, was placed as {one.answer!r}"
    return None if stands in may_be else f"is {stands}, not one of {may_be}"


def _owes_otherwise(one: Placed, order: View) -> str | None:
    to_pay = Decimal(order["toPay"])
    kept = to_pay - one.to_payment if order["status"] == "completed" else 0
    wanted = len(one.payments) * to_pay - kept
    owed, refunded = Decimal(order.get("owedBack", 0)), Decimal(order.get("refundedTotal", 0))
    refunds = {refund["refundId"] for refund in order.get("refunds", ())}
    if refunds != one.refunds or refunded != one.refunded:
        return f"{refunded} refunded as {sorted(refunds)}, not {one.refunded} as {sorted(one.refunds)}"
    return None if owed == wanted else f"{owed} is owed back, not {wanted}"


def _held(found: Found) -> Iterator[str]:
    held = _units(found, "confirmed")
    for product, stock in found.stock.items():
        if stock["onHand"] - stock["available"] != held[product]:
            yield f"{product}: {stock}, and open orders have {held[product]}"


def _sold(found: Found, placed: Sequence[Placed]) -> Iterator[str]:
    sold = _units(found, "completed")
    for one in placed:
        sold.subtract(one.restocked)
    for product, stock in found.stock.items():
        if stock["sold"] != sold[product]:
            yield f"{product}: {stock}, and completed orders kept {sold[product]}"


def _delivered(found: Found, books: Books) -> Iterator[str]:
    for product, stock in found.stock.items():
        if stock["onHand"] + stock["sold"] != books.delivered[product]:
            yield f"{product}: {stock}, and {books.delivered[product]} were delivered"


def _units(found: Found, status: str) -> Counter[str]:
    units = Counter[str]()
    for line in (line for order in found.orders if order["status"] == status for line in order["lines"]):
        units[line["productId"]] += line["quantity"]
    return units


def _points(found: Found, books: Books) -> Iterator[str]:
    wanted = Counter[str]()
    wanted.subtract(books.redeemed)
    for order in found.orders:
        if order["status"] == "completed":
            wanted[order["customerId"]] += int(Decimal(order["total"]) - Decimal(order.get("refundedTotal", 0)))
    for customer, points in found.points.items():
        if points != wanted[customer]:
            yield f"{customer}: {points} points, not {wanted[customer]}"


def _credits(found: Found, books: Books) -> Iterator[str]:
    kept = defaultdict[str, Decimal](Decimal)
    for order in (order for order in found.orders if order["status"] != "cancelled"):
        back = sum(Decimal(refund["toCredit"]) for refund in order.get("refunds", ()))
        kept[order["customerId"]] += Decimal(order.get("creditUsed", 0)) - back
    for customer, credit in found.credit.items():
        if credit != books.credited[customer] - kept[customer]:
            yield f"{customer}: {credit}, not {books.credited[customer]} - {kept[customer]}"


async def _credit(client: Client, customer: str) -> Decimal:
    return Decimal((await _read(client, f"/credit/{customer}"))["credit"].get("EUR", 0))


async def _orders_of(client: Client, customer: str) -> Any:
    asked = {"customerId": customer, "limit": "100"}
    while True:
        page = await _read(client, f"/orders?{urlencode(asked)}")
        for order in page["data"]:
            yield order
        if not page["nextCursor"]:
            return
        asked["cursor"] = page["nextCursor"]


async def _read(client: Client, path: str) -> Any:
    return msgspec.json.decode((await client.ask("GET", path, who=STAFF)).body)
