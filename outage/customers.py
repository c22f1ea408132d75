"""Customers who order at a steady rate, whether earlier orders are answered or not; and staff who change prices."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, cycle
from time import monotonic
from typing import Any

import msgspec

from torture.acts import STAFF
from torture.client import Keys, Wrong
from torture.server import HOST
from torture.wire import Answer, Line

KNOWN, CHANGED, NEW = "read before", "read before, then changed", "never read before"
_TURN = (NEW, KNOWN, CHANGED, KNOWN, NEW, KNOWN, KNOWN, KNOWN, NEW, KNOWN, CHANGED, KNOWN, NEW, KNOWN, KNOWN, KNOWN)
SHARE_OF_NEW = _TURN.count(NEW) / len(_TURN)
_CUSTOMERS = 24
_IDLE = 2.0  # seconds
FIRST_PRICE = 1000  # cents


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An order that was asked for, and the answer; moments are of the monotonic clock."""

    key: str
    customer: str
    request: dict[str, Any]
    kind: str
    sent: float
    answered: float
    answer: Answer

    @property
    def accepted(self) -> bool:
        """It is placed."""
        return self.answer.status == 201  # noqa: PLR2004

    @property
    def seconds(self) -> float:
        """Until it was answered."""
        return self.answered - self.sent


@dataclass(frozen=True, slots=True)
class Price:
    """In cents. It may be seen from when it was sent until the next one is acknowledged."""

    cents: int
    sent: float
    acknowledged: float


def new_product(number: int) -> str:
    """Each is ordered once."""
    return f"new-{number:05}"


@dataclass(kw_only=True)
class Customers:
    """They and staff; over as many connections as requests are under way."""

    port: int
    keys: Keys
    known: Sequence[str]
    changed: Sequence[str]
    asked: list[Asked] = field(default_factory=list)
    prices: dict[str, list[Price]] = field(default_factory=lambda: defaultdict(list))
    _numbers: Iterator[int] = field(default_factory=count)
    _idle: list[tuple[Line, float]] = field(default_factory=list)  # and since when

    @property
    def names(self) -> list[str]:
        """Of all customers."""
        return [f"customer-{number}" for number in range(_CUSTOMERS)]

    async def order_each(self, kind: str, products: Iterable[str]) -> None:
        """Each of them once, one after the other."""
        for product in products:
            await self._order(kind, product)

    async def order(self, *, rate: float, until: asyncio.Event) -> None:
        """So many a second; it returns when all are answered."""
        due = monotonic()
        async with asyncio.TaskGroup() as group:
            for kind, product in self._wanted():
                if until.is_set():
                    return
                group.create_task(self._order(kind, product))
                due += 1 / rate
                await asyncio.sleep(max(0.0, due - monotonic()))

    async def change_prices(self, *, every: float, until: asyncio.Event) -> None:
        """A cent more, one product after the other."""
        for product in cycle(self.changed):
            if until.is_set():
                return
            cents, sent = FIRST_PRICE + 1 + len(self.prices[product]), monotonic()
            body = {"basePrice": f"{cents // 100}.{cents % 100:02}", "currency": "EUR"}
            answer = await self.ask("PUT", f"/products/{product}/price", STAFF, body, {"If-Match": "*"})
            if answer.status != 200:  # noqa: PLR2004
                raise Wrong(f"price of {product}: {answer.status} {answer.body!r}")
            self.prices[product].append(Price(cents, sent, monotonic()))
            await asyncio.sleep(every)

    async def ask(
        self,
        method: str,
        path: str,
        who: tuple[str, str],
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Whatever is answered, once."""
        line = self._line()
        told = {
            "Authorization": f"Bearer {self.keys.token(*who)}",
            "Content-Type": "application/json",
            **(headers or {}),
        }
        answer = await line.ask(method, path, told, msgspec.json.encode(body) if body is not None else b"")
        self._idle.append((line, monotonic()))
        return answer

    def close(self) -> None:
        """Hang up."""
        for line, _ in self._idle:
            line.close()

    def _line(self) -> Line:
        """One that the server has not hung up on meanwhile, as it does with who says nothing for five seconds."""
        while self._idle:
            line, since = self._idle.pop()
            if monotonic() - since < _IDLE:
                return line
            line.close()
        return Line(HOST, self.port)

    def _wanted(self) -> Iterator[tuple[str, str]]:
        products = {NEW: map(new_product, count()), KNOWN: cycle(self.known), CHANGED: cycle(self.changed)}
        return ((kind, next(products[kind])) for kind in cycle(_TURN))

    async def _order(self, kind: str, product: str) -> None:
        number = next(self._numbers)
        key, customer = f"order-{number}", f"customer-{number % _CUSTOMERS}"
        request = {"items": [{"productId": product, "quantity": 1 + number % 3}], "reference": key}
        sent = monotonic()
        answer = await self.ask("POST", "/orders", ("customer", customer), request, {"Idempotency-Key": key})
        self.asked.append(
            Asked(
                key=key, customer=customer, request=request, kind=kind, sent=sent, answered=monotonic(), answer=answer
            )
        )
