"""Check every order, payment and credit in the store against each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import timedelta

from shop.kernel.clock import Clock, rfc3339
from shop.kernel.money import decimal_text
from shop.orders.application.ports import Archive, Orders, Payment
from shop.orders.domain.order import Order
from shop.orders.domain.refund import not_refunded

_PATIENCE = timedelta(minutes=10)  # a payment's event may be under way
_Credit = tuple[str, str]  # customer, currency


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """One sentence per difference. Memory grows with customers who have credit, not with orders.

    The store may be written meanwhile: what looks wrong is read again before it is named.
    """

    archive: Archive
    orders: Orders
    clock: Clock

    async def __call__(self) -> AsyncIterator[str]:
        """Orders whose sums are off, payments that orders do not have, credit that is not what it should be."""
        held: Counter[_Credit] = Counter()
        async for order in self.archive.orders():
            held[order.customer_id, order.currency] += order.credit_held
            for sentence in _sums(order):
                yield sentence
        async for payment in self.archive.payments():
            if missing := await self._missing(payment):
                yield missing
        async for sentence in self._credits(held):
            yield sentence

    async def _missing(self, payment: Payment) -> str | None:
        """A payment that was taken stands in its order, some minutes later at the latest."""
        if payment.refused or payment.status != "completed":
            return None
        order = await self.orders.get(payment.order_id)
        if order is None:
            return f"payment {payment.payment_id} is of order {payment.order_id}, which is not there"
        if payment.payment_id in order.payments or payment.at > rfc3339(self.clock() - _PATIENCE):
            return None
        return f"order {order.order_id}: payment {payment.payment_id} was taken at {payment.at}, but it does not know"

    async def _credits(self, held: Counter[_Credit]) -> AsyncIterator[str]:
        """What redemptions brought = what orders hold + what is left."""
        brought: Counter[_Credit] = Counter()
        async for note in self.archive.credit_notes():
            brought[note.customer_id, note.currency] += note.amount
        for customer_id, currency in sorted(brought.keys() | {one for one, n in held.items() if n}):
            expected = brought[customer_id, currency] - held[customer_id, currency]
            differs = await self._left(customer_id, currency) != expected
            if differs and (off := await self._credit(customer_id, currency)):
                yield off

    async def _credit(self, customer_id: str, currency: str) -> str | None:
        """The same for one customer, read until nothing moved meanwhile."""
        before, left = None, await self._left(customer_id, currency)
        brought = held = 0
        while left != before:
            before = left
            notes = [one async for one in self.archive.credit_notes() if one.customer_id == customer_id]
            brought = sum(note.amount for note in notes if note.currency == currency)
            held = await self._held(customer_id, currency)
            left = await self._left(customer_id, currency)
        if left == brought - held:
            return None
        text = [decimal_text(minor, currency) for minor in (left, brought, held)]
        return f"credit of {customer_id}: {text[0]} {currency} is left, but {text[1]} came and orders hold {text[2]}"

    async def _left(self, customer_id: str, currency: str) -> int:
        return (await self.orders.credit(customer_id)).get(currency, 0)

    async def _held(self, customer_id: str, currency: str) -> int:
        orders = self.archive.orders_of(customer_id)
        return sum([order.credit_held async for order in orders if order.currency == currency])


def _sums(order: Order) -> Collection[str]:
    """Captured = kept - credit + owed back; refunds are within the total, and goods within what was ordered."""
    wrong = []
    captured = sum(payment.amount for payment in order.payments.values())
    owed = sum(owed.amount for owed in order.owed_back)
    kept = 0 if order.reason or not order.paid else order.total.minor - order.refunded.minor - order.credit_held
    if captured != kept + owed:
        wrong.append(
            f"order {order.order_id}: {captured} was paid, but {kept} is kept and {owed} owed back (minor units)"
        )
    if not 0 <= order.refunded.minor <= order.total.minor:
        wrong.append(f"order {order.order_id}: {order.refunded} of {order.total} is refunded")
    left = not_refunded(order.lines, order.refunds)
    wrong += [f"order {order.order_id}: more {one} is refunded than was ordered" for one, n in left.items() if n < 0]
    return wrong
