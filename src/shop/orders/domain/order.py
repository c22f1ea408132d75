"""An order: what was asked for, and the facts that have arrived since.

Facts may come in any order, late, or more than once: status and money owed back are pure functions of
them, and a fact that is known changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal

from shop.kernel.errors import Clash, Invalid
from shop.kernel.money import MOST, Money

MOST_LINES = 1500
MOST_QUANTITY = 1_000_000
MOST_TIMELINE = 200


class Status(StrEnum):
    """Where an order stands."""

    PENDING = "pending"
    CONFIRMED = "confirmed"  # stock is reserved
    COMPLETED = "completed"  # reserved and paid
    CANCELLED = "cancelled"


class NothingOrdered(Invalid):
    """An order without lines."""

    code = "nothing-ordered"


class TooManyLines(Invalid):
    """More lines than one order can have."""

    code = "too-many-lines"


class WrongQuantity(Invalid):
    """A quantity that is not a whole number from 1 to a million."""

    code = "wrong-quantity"


class MixedCurrencies(Invalid):
    """Products priced in different currencies in one order."""

    code = "mixed-currencies"


class UnknownProducts(Invalid):
    """Products that the catalog does not sell."""

    code = "unknown-products"


class TotalTooLarge(Invalid):
    """A total beyond what an amount may be."""

    code = "total-too-large"


class AlreadyCompleted(Clash):
    """A completed order is not cancelled but refunded."""

    code = "already-completed"


@dataclass(frozen=True, slots=True)
class ProductInfo:
    """What orders knows of a product; `price` is in minor units."""

    product_id: str
    name: str
    price: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """So many of one product, at the price of the moment of ordering (minor units)."""

    product_id: str
    name: str
    quantity: int
    price: int

    @property
    def total(self) -> int:
        """Minor units; whole by nature, so nothing is rounded."""
        return self.price * self.quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Something that happened to the order: what, when, by which request or event."""

    what: str
    at: str
    by: str
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The aggregate. Amounts are minor units of its one currency."""

    order_id: str
    customer_id: str
    currency: str
    lines: tuple[Line, ...]
    created_at: str
    expires_at: str
    stock: Literal["reserved", "rejected"] | None = None
    payments: Mapping[str, int] = field(default_factory=dict)  # captured, by payment id, in order of arrival
    cancelled: str | None = None  # why: `customer`, `staff`, `expired`
    reference: str | None = None
    shipping_address: Mapping[str, str] | None = None
    metadata: Mapping[str, str] | None = None
    timeline: tuple[Moment, ...] = ()
    version: int = 0

    @property
    def total(self) -> Money:
        """The sum of the lines."""
        return Money(sum(line.total for line in self.lines), self.currency)

    @property
    def paid(self) -> bool:
        """Whether a payment of the total was captured, or nothing is to be paid."""
        return bool(self.payments) or not any(line.price for line in self.lines)

    @property
    def status(self) -> Status:
        """A pure function of the facts."""
        if self.cancelled or self.stock == "rejected":
            return Status.CANCELLED
        if self.stock == "reserved":
            return Status.COMPLETED if self.paid else Status.CONFIRMED
        return Status.PENDING

    @property
    def reason(self) -> str | None:
        """Why it was cancelled."""
        return self.cancelled or ("out_of_stock" if self.stock == "rejected" else None)

    @property
    def owed_back(self) -> Mapping[str, tuple[int, str]]:
        """Money to go back: `{payment id: (minor units, cause)}`. Of several payments the first to arrive counts."""
        if self.status is Status.CANCELLED:
            return {payment: (amount, f"cancelled:{self.reason}") for payment, amount in self.payments.items()}
        return {payment: (amount, "paid_twice") for payment, amount in list(self.payments.items())[1:]}

    def with_stock(self, outcome: Literal["reserved", "rejected"], moment: Moment) -> Order:
        """The catalog has decided; it decides once."""
        return self if self.stock else self._owing(replace(self, stock=outcome, timeline=self._then(moment)), moment)

    def with_payment(self, payment_id: str, amount: Money, moment: Moment) -> Order:
        """A payment of the total was captured."""
        if payment_id in self.payments:
            return self
        paid = {**self.payments, payment_id: amount.minor}
        return self._owing(replace(self, payments=paid, timeline=self._then(moment)), moment)

    def with_cancellation(self, reason: str, moment: Moment) -> Order:
        """It is not to be; what was paid is owed back. `AlreadyCompleted` if it is too late for that."""
        if self.status is Status.COMPLETED:
            raise AlreadyCompleted("the order is completed: it can be refunded, not cancelled")
        if self.status is Status.CANCELLED:
            return self
        return self._owing(replace(self, cancelled=reason, timeline=self._then(moment)), moment)

    def with_note(self, moment: Moment) -> Order:
        """Something worth showing happened that changes nothing else."""
        full = len(self.timeline) >= MOST_TIMELINE
        known = any(seen.by == moment.by for seen in self.timeline)
        return self if full or known else replace(self, timeline=self._then(moment))

    def _owing(self, after: Order, moment: Moment) -> Order:
        """What is owed back since this step, on the timeline too."""
        for payment_id in after.owed_back.keys() - self.owed_back.keys():
            due = replace(moment, what="refund.due", detail=payment_id)
            after = replace(after, timeline=after._then(due))
        return after

    def _then(self, moment: Moment) -> tuple[Moment, ...]:
        return (*self.timeline, moment)[:MOST_TIMELINE]


def merged(items: Iterable[tuple[str, int]]) -> dict[str, int]:
    """`{product id: quantity}`: lines of the same product added up, before any other check."""
    quantities: dict[str, int] = {}
    for index, (product_id, quantity) in enumerate(items):
        sum_so_far = quantities.get(product_id, 0) + quantity
        if quantity < 1 or sum_so_far > MOST_QUANTITY:
            where, message = f"items[{index}].quantity", f"must be a whole number from 1 to {MOST_QUANTITY}"
            raise WrongQuantity(f"{where} {message}", errors=[{"field": where, "message": message}])
        quantities[product_id] = sum_so_far
    if not quantities:
        raise NothingOrdered("an order needs at least one item", errors=[{"field": "items", "message": "is empty"}])
    if len(quantities) > MOST_LINES:
        raise TooManyLines(f"{len(quantities)} different products; {MOST_LINES} at most in one order")
    return quantities


def place(
    *,
    order_id: str,
    customer_id: str,
    quantities: Mapping[str, int],
    products: Mapping[str, ProductInfo],
    placed: Moment,
    expires_at: str,
    reference: str | None = None,
    shipping_address: Mapping[str, str] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Order:
    """A new order, pending, at the prices of now."""
    unknown = [product_id for product_id in quantities if product_id not in products]
    if unknown:
        raise UnknownProducts(f"no such product: {', '.join(unknown[:10])}", extra={"productIds": unknown[:100]})
    currencies = sorted({products[product_id].currency for product_id in quantities})
    if len(currencies) > 1:
        raise MixedCurrencies(f"an order has one currency; these products have {', '.join(currencies)}")
    order = Order(
        order_id=order_id,
        customer_id=customer_id,
        currency=currencies[0],
        lines=tuple(
            Line(
                product_id=product_id,
                name=products[product_id].name,
                quantity=quantity,
                price=products[product_id].price,
            )
            for product_id, quantity in quantities.items()
        ),
        created_at=placed.at,
        expires_at=expires_at,
        reference=reference,
        shipping_address=shipping_address,
        metadata=metadata,
        timeline=(placed,),
    )
    if order.total.minor > MOST:
        raise TotalTooLarge("the total is beyond what an amount may be: order less")
    return order
