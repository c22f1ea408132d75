"""What makes sense beyond a schema: an order of what is sold, a payment of what is to be paid, one question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import schemathesis

from fuzz.known import CATEGORIES, STAPLES, Known

Case = schemathesis.Case[Any]
Sense = Callable[[Case, Known, Random], None]


def make_sense(case: Case, known: Known, random: Random) -> None:
    """Change the request so that it will probably be done."""
    for sense in _SENSES.get(case.operation.label, ()):
        sense(case, known, random)


def _question(*names: str) -> Sense:
    def choose(case: Case, known: Known, random: Random) -> None:
        name = random.choice(names)
        others = {other: value for other, value in case.query.items() if other not in {*names, "cursor"}}
        case.query = others | {name: case.query.get(name) or known.some(name, random)}

    return choose


def _pages(case: Case, known: Known, random: Random) -> None:
    """The first one, or the next of what somebody has read."""
    label = case.operation.label
    if label in known.next_pages and random.random() < 0.3:
        case.path_parameters, case.query = known.next_pages[label]
    else:
        case.query = {name: value for name, value in case.query.items() if name != "cursor"}


def _says(make: Callable[[Known, Random], dict[str, Any]]) -> Sense:
    def say(case: Case, known: Known, random: Random) -> None:
        if isinstance(case.body, dict):
            case.body = case.body | make(known, random)

    return say


def _product(_: Known, random: Random) -> dict[str, Any]:
    product_id = f"made-{random.randrange(10**6)}"
    texts = {"sku": product_id, "name": f"Tea {product_id}", "category": random.choice(CATEGORIES)}
    return {"productId": product_id} | (texts if random.random() < 0.7 else {})


def _movement(_: Known, random: Random) -> dict[str, Any]:
    return {"reason": "counted"} | random.choice(({"delta": 1, "onHand": None}, {"delta": None, "onHand": 100_000}))


def _basket(_: Known, random: Random) -> dict[str, Any]:
    bought = random.sample(STAPLES, random.randint(1, 3))
    return {"items": [{"productId": product, "quantity": random.randint(1, 4)} for product in bought]}


def _payment(known: Known, random: Random) -> dict[str, Any]:
    order = known.order(random, status=random.choice(("confirmed", "confirmed", "cancelled", "completed")))
    payment_id = f"pay-{random.randrange(10**9)}" if random.random() < 0.8 else known.some("paymentId", random)
    paid = {
        "paymentId": payment_id,
        "orderId": order["orderId"],
        "amount": order["toPay"],
        "currency": order["currency"],
    }
    return paid | {"status": random.choice(("completed", "completed", "failed"))}


def _open(case: Case, known: Known, random: Random) -> None:
    case.path_parameters = {"orderId": known.order(random, status="confirmed")["orderId"]}


def _refund(case: Case, known: Known, random: Random) -> None:
    order = known.order(random, status="completed")
    case.path_parameters = {"orderId": order["orderId"]}
    if isinstance(case.body, dict):
        back = {
            "productId": random.choice(order["lines"])["productId"],
            "quantity": 1,
            "restock": random.random() < 0.5,
        }
        case.body = {"lines": [back]} if case.body.get("lines") else {"amount": case.body.get("amount") or "0.01"}


_SENSES: Mapping[str, tuple[Sense, ...]] = {
    "GET /products": (_question("ids", "category", "group", "sku"), _pages),
    "GET /search": (_pages,),
    "GET /products/{productId}/stock/movements": (_pages,),
    "GET /products/{productId}/prices": (_pages,),
    "POST /products": (_says(_product),),
    "POST /products/{productId}/stock": (_says(_movement),),
    "GET /orders": (_question("customerId"), _pages),
    "GET /orders/{orderId}/payments": (_pages,),
    "GET /rewards/{customerId}/ledger": (_pages,),
    "POST /orders": (_says(_basket),),
    "POST /orders/{orderId}/cancel": (_open,),
    "POST /orders/{orderId}/refunds": (_refund,),
    "POST /payments/webhook": (_says(_payment),),
}
