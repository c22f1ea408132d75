"""What is sold and ordered here: a thousand products with plenty of stock, and the requests for them as bytes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from bench.load import HOST
from shop.kernel.clock import system_clock
from shop.platform.tokens import Tokens

PRODUCTS = 1000
STOCK = 1_000_000
PRICE = "24.90"
_CUSTOMERS = 20


def product_id(number: int) -> str:
    """`p-0007`."""
    return f"p-{number:04d}"


def details(number: int) -> dict[str, Any]:
    """What is said of a product, apart from its price."""
    return {
        "sku": f"SKU-{number:04d}",
        "name": f"Smoky dawn, tin number {number}",
        "description": "Leaves from two gardens, dried over pine. Best with the first cold morning of the year.",
        "category": f"Tea/Black/Shelf {number % 40}",
        "supplier_id": "sup-17",
        "warehouse_location": f"R{number % 90}-S4",
        "attributes": {"vendor": "Two Gardens", "grams": 125, "tags": ["tea", "smoked"]},
    }


def get(path: str, token: str | None = None) -> bytes:
    """A GET."""
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nAccept: application/json\r\n{bearer}\r\n".encode()


def post(path: str, body: bytes, **headers: str) -> bytes:
    """A POST of JSON; `payment_signature="…"` is the header `Payment-Signature`."""
    told = "".join(f"{name.replace('_', '-').title()}: {value}\r\n" for name, value in headers.items())
    length = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\n{length}{told}\r\n".encode() + body


def reads() -> Iterator[bytes]:
    """One product after the other, for ever."""
    return itertools.cycle([get(f"/products/{product_id(number)}") for number in range(PRODUCTS)])


def orders(tokens: Sequence[str], *, products: int = PRODUCTS) -> Iterator[bytes]:
    """Orders of one line, each of another product and customer than the last, each with a key of its own."""
    heads, bodies = [], []
    for number in range(products):
        body = msgspec.json.encode({"items": [{"productId": product_id(number), "quantity": 1 + number % 3}]})
        # The key stands last, so that a request is three pieces put together.
        request = post("/orders", body, authorization=f"Bearer {tokens[number % len(tokens)]}", idempotency_key="")
        heads.append(request[: request.index(b"\r\n\r\n")])
        bodies.append(body)
    prepared = itertools.cycle(zip(heads, bodies, strict=True))
    return (b"%b%016x\r\n\r\n%b" % (head, next(_keys), body) for head, body in prepared)


_keys = itertools.count(1)  # one row of keys for the whole run: no key comes twice


def customers(key: str, name: str) -> list[str]:
    """Tokens of some customers whom nobody else is."""
    return [_signed(key, f"{name}-{number}", "customer") for number in range(_CUSTOMERS)]


def staff(key: str) -> str:
    """A token of staff."""
    return _signed(key, "bench", "staff")


def _signed(key: str, subject: str, role: str) -> str:
    return Tokens(key, clock=system_clock).sign(subject=subject, role=role, lifetime=timedelta(hours=1))
