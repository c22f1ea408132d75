"""Makes the deliveries of a shop that does not serve, in whatever order a test likes, and says what came of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from shop.entrypoints.monolith import Shop
from shop.kernel.errors import NotYet
from shop.kernel.events import Cause, Delivery, Envelope
from shop.orders.domain.order import Order
from shop.platform.retry import again
from shop.platform.storage import sqlite_deliveries as deliveries
from shop.platform.storage.port import AlreadyConsumed

_ROWS = """
SELECT deliveries.id, consumer, body FROM deliveries JOIN events ON seq = event WHERE deliveries.id > ? ORDER BY 1
"""


@dataclass
class Postman:
    """Holds every delivery until it is told to make it; it may make each more than once."""

    shop: Shop
    made: int = 0
    last: int = 0
    kept: list[tuple[Delivery, Envelope]] = field(default_factory=list)  # every delivery there ever was

    def __post_init__(self) -> None:
        self.consumers = {
            "catalog": self.shop.catalog.reactions().table(),
            "orders": self.shop.orders.reactions().table(),
            "rewards": self.shop.rewards.reactions().table(),
        }

    def collect(self) -> list[int]:
        """Numbers of the deliveries that have come since the last time, in the order of their commits."""
        rows = self.shop.store.file.reader.execute(_ROWS, (self.last,)).fetchall()
        new = []
        for identifier, consumer, body in rows:
            envelope = msgspec.json.decode(body, type=Envelope)
            self.kept.append((Delivery(str(identifier), envelope.id, consumer), envelope))
            new.append(len(self.kept) - 1)
            self.last = identifier
        return new

    async def deliver(self, number: int) -> bool:
        """Make a delivery, for the first time or again; False if it came too early."""
        delivery, envelope = self.kept[number]
        react = self.consumers[delivery.consumer][envelope.type]
        cause = Cause(id=envelope.id, traceparent=envelope.traceparent, delivery=delivery)
        self.made += 1
        try:
            await again(react, envelope, cause)
            await self.shop.store.file.write(lambda connection: deliveries.end(connection, delivery))
        except NotYet:
            return False
        except AlreadyConsumed:
            pass
        return True

    async def deliver_all(self, choose: Callable[[int], int]) -> list[int]:
        """Until nothing is left to deliver; `choose` says which of so many is next. What came too early waits until
        another one was made.
        """
        waiting, early, made = self.collect(), [], []
        while waiting:
            number = waiting.pop(choose(len(waiting)))
            if await self.deliver(number):
                made.append(number)
                waiting += early
                early = []
            else:
                early.append(number)
            waiting += self.collect()
        assert not early, f"{[self.kept[n][1].type for n in early]} came too early and nothing more came"
        return made


class Schedules:
    """Every sequence of choices, one after another: `for choose in schedules: …`, until all or `most` are done."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._next: list[int] | None = []
        self.done = 0
        self.complete = False

    def __iter__(self) -> Iterator[Callable[[int], int]]:
        while self._next is not None and self.done < self._most:
            given, options, taken = self._next, [], []

            def choose(of: int, *, given=given, options=options, taken=taken) -> int:
                pick = given[len(taken)] if len(taken) < len(given) else 0
                options.append(of)
                taken.append(pick)
                return pick

            yield choose
            self.done += 1
            self._next = _following(taken, options)
        self.complete = self._next is None


def _following(taken: list[int], options: list[int]) -> list[int] | None:
    while taken:
        pick, of = taken.pop(), options.pop()
        if pick + 1 < of:
            return [*taken, pick + 1]
    return None


async def state_of(shop: Shop, orders: dict[str, str], customers: dict[str, str], products: dict[str, str]) -> Any:
    """Where everything stands, under the names of the story (name → id) and without ids, moments or arrival."""
    names = {identifier: name for of in (orders, customers, products) for name, identifier in of.items()}
    said: dict[str, Any] = {}
    for name, order_id in orders.items():
        order = await shop.orders.orders().get(order_id)
        said[name] = (
            order.status.value,
            order.reason,
            order.credit_held,
            sorted(map(_name, order.payments)),
            sorted((_name(owed.payment_id), owed.amount, bool(owed.refund_id)) for owed in order.owed_back),
            sorted((refund.amount, refund.to_payment) for refund in order.refunds),
            sorted(Counter(_happened(order)).items()),
        )
        reservation = await shop.catalog.reservations().get(f"reservation/{order_id}")
        said[f"stock of {name}"] = reservation and (
            sum(line.quantity for line in reservation.held),
            not order.reason and reservation.status,
        )
    for name, product_id in products.items():
        stock = await shop.catalog.products().stock(product_id)
        said[name] = (stock.on_hand, stock.available, stock.sold)
    for name, customer_id in customers.items():
        account = await shop.rewards.ledger().account(customer_id)
        entries, _ = await shop.rewards.ledger().entries(customer_id, after=None, limit=500)
        booked = sorted((entry.kind.value, entry.points, names.get(entry.order_id or "", "")) for entry in entries)
        credit = await shop.orders.orders().credit(customer_id)
        said[name] = (account.balance, account.left, account.debt, booked, {k: n for k, n in credit.items() if n})
    return said


def _happened(order: Order) -> Iterator[str]:
    """The timeline. Of a cancelled order the catalog may have decided before it heard of that, or not; no matter."""
    for moment in order.timeline:
        if not (order.reason and moment.what.startswith("stock.")):
            yield moment.what


def _name(payment_id: str) -> str:
    """`A.p1` of `A.p1.17`: the telling's number is none of the story's."""
    return payment_id.rpartition(".")[0]


async def differences(shop: Shop) -> list[str]:
    """What the audits of the three contexts find."""
    audits = (shop.catalog.audit(), shop.orders.audit(), shop.rewards.audit())
    return [sentence for audit in audits async for sentence in audit()]
