"""An order: what was asked for, and the facts that have arrived since.

Facts may come in any order, late, or more than once: status and money owed back are pure functions of
them, and a fact that is known changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Literal

from shop.kernel.errors import Clash
from shop.kernel.money import Money
from shop.orders.domain.lines import Line
from shop.orders.domain.refund import (
    MOST_REFUNDS,
    Refund,
    RefundedLine,
    TooManyRefunds,
    gathered,
    price_of,
    within,
)

MOST_TIMELINE = 200


class Status(StrEnum):
    """Where an order stands."""

    PENDING = "pending"
    CONFIRMED = "confirmed"  # stock is reserved
    COMPLETED = "completed"  # reserved and paid
    CANCELLED = "cancelled"


class AlreadyCompleted(Clash):
    """A completed order is not cancelled but refunded."""

    code = "already-completed"


class NotCompleted(Clash):
    """An order that is not completed is not refunded but cancelled."""

    code = "not-completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Something that happened to the order: what, when, by which request or event."""

    what: str
    at: str
    by: str
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """Money that the payment provider took: minor units, and when it told us so."""

    amount: int
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """Money to go back to who paid: a whole payment, or (with `refund_id`) what a refund takes of it. Minor units."""

    payment_id: str
    amount: int
    cause: str
    refund_id: str | None = None


@dataclass(frozen=True, kw_only=True)  # no slots: its sums are asked for a dozen times on the way of one order
class Order:
    """The aggregate. Amounts are minor units of its one currency."""

    order_id: str
    customer_id: str
    currency: str
    lines: tuple[Line, ...]
    created_at: str
    expires_at: str
    credit_used: int = 0  # of the total, paid with the customer's credit when the order was placed
    stock: Literal["reserved", "rejected"] | None = None
    payments: Mapping[str, Captured] = field(default_factory=dict)
    cancelled: str | None = None  # why: `customer`, `staff`, `expired`
    refunds: tuple[Refund, ...] = ()
    reference: str | None = None
    shipping_address: Mapping[str, str] | None = None
    metadata: Mapping[str, str] | None = None
    timeline: tuple[Moment, ...] = ()
    trace: str | None = None  # of the request that placed it (W3C `traceparent`): what a payment leads to is part of it
    version: int = 0

    @cached_property
    def total(self) -> Money:
        """The sum of the lines."""
        return Money(sum(line.total for line in self.lines), self.currency)

    @cached_property
    def to_pay(self) -> Money:
        """What the customer pays: the total without the credit used."""
        return Money(self.total.minor - self.credit_used, self.currency)

    @property
    def refunded(self) -> Money:
        """What was refunded of the total."""
        return Money(sum(refund.amount for refund in self.refunds), self.currency)

    @property
    def paid(self) -> bool:
        """Whether a payment of what is to be paid was captured, or nothing is."""
        return bool(self.payments) or not self.to_pay.minor

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
    def credit_held(self) -> int:
        """The customer's credit that is in the order now: none in a cancelled one, less after refunds."""
        if self.status is Status.CANCELLED:
            return 0
        return self.credit_used - sum(refund.to_credit for refund in self.refunds)

    @property
    def owed_back(self) -> Sequence[Owed]:
        """Money to go back. It only grows as facts arrive, and in whatever order they do it comes to the same."""
        if not self.payments:
            return []
        if self.status is Status.CANCELLED:
            why = f"cancelled:{self.reason}"
            return [Owed(payment_id=one, amount=paid.amount, cause=why) for one, paid in self.payments.items()]
        return [*self._paid_twice(), *self._refunded()]

    def with_stock(self, outcome: Literal["reserved", "rejected"], moment: Moment) -> Order:
        """The catalog has decided; it decides once."""
        return self if self.stock else self._owing(replace(self, stock=outcome, timeline=self._then(moment)), moment)

    def with_payment(self, payment_id: str, captured: Captured, moment: Moment) -> Order:
        """A payment of what is to be paid was captured."""
        if payment_id in self.payments:
            return self
        paid = {**self.payments, payment_id: captured}
        return self._owing(replace(self, payments=paid, timeline=self._then(moment)), moment)

    def with_cancellation(self, reason: str, moment: Moment) -> Order:
        """It is not to be; what was paid is owed back. `AlreadyCompleted` if it is too late for that."""
        if self.status is Status.COMPLETED:
            raise AlreadyCompleted("the order is completed: it can be refunded, not cancelled")
        if self.status is Status.CANCELLED:
            return self
        return self._owing(replace(self, cancelled=reason, timeline=self._then(moment)), moment)

    def with_refund(self, refund_id: str, wanted: Money | Sequence[RefundedLine], moment: Moment) -> Order:
        """An amount goes back, or what some of the goods cost, as far as it is not refunded yet: first to who paid,
        then to the credit used.
        """
        if self.status is not Status.COMPLETED:
            raise NotCompleted(f"the order is {self.status}: a completed one is refunded, any other is cancelled")
        if len(self.refunds) >= MOST_REFUNDS:
            raise TooManyRefunds(f"an order has {MOST_REFUNDS} refunds at most")
        remaining = self.total - self.refunded
        lines: tuple[RefundedLine, ...] = ()
        if isinstance(wanted, Money):
            amount = within(wanted, remaining).minor
        else:
            amount, lines = min(self._cost_of(wanted), remaining.minor), gathered(wanted)
        payable = self.to_pay.minor - sum(refund.to_payment for refund in self.refunds)
        refund = Refund(
            refund_id=refund_id,
            amount=amount,
            to_payment=min(amount, payable),
            payment_id=self._counted(),
            lines=lines,
            at=moment.at,
        )
        return self._owing(replace(self, refunds=(*self.refunds, refund), timeline=self._then(moment)), moment)

    def with_note(self, moment: Moment) -> Order:
        """Something worth showing happened that changes nothing else."""
        full = len(self.timeline) >= MOST_TIMELINE
        known = any(seen.by == moment.by for seen in self.timeline)
        return self if full or known else replace(self, timeline=self._then(moment))

    def _cost_of(self, lines: Sequence[RefundedLine]) -> int:
        return price_of(lines, ordered=self.lines, before=self.refunds)

    def _counted(self) -> str | None:
        """The payment that pays for the order: of several the first one, unless a refund has named another before
        that one arrived.
        """
        if self.refunds:
            return self.refunds[0].payment_id
        return min(self.payments, key=lambda one: (self.payments[one].at, one), default=None)

    def _paid_twice(self) -> Iterator[Owed]:
        counted = self._counted() if len(self.payments) > 1 else next(iter(self.payments), None)
        for payment_id, captured in self.payments.items():
            if payment_id != counted:
                yield Owed(payment_id=payment_id, amount=captured.amount, cause="paid_twice")

    def _refunded(self) -> Iterator[Owed]:
        for refund in self.refunds:
            if refund.payment_id is not None and refund.to_payment:
                yield Owed(
                    payment_id=refund.payment_id, amount=refund.to_payment, cause="refund", refund_id=refund.refund_id
                )

    def _owing(self, after: Order, moment: Moment) -> Order:
        """What is owed back since this step, on the timeline too."""
        for owed in more_owed(self, after):
            due = replace(moment, what="refund.due", detail=owed.payment_id)
            after = replace(after, timeline=after._then(due))
        return after

    def _then(self, moment: Moment) -> tuple[Moment, ...]:
        return (*self.timeline, moment)[:MOST_TIMELINE]


def more_owed(before: Order, after: Order) -> list[Owed]:
    """What is owed back since; a whole payment is owed once, whatever more speaks for it."""
    known = {(owed.payment_id, owed.refund_id) for owed in before.owed_back}
    return [owed for owed in after.owed_back if (owed.payment_id, owed.refund_id) not in known]


def place(
    *,
    order_id: str,
    customer_id: str,
    lines: Sequence[Line],
    currency: str,
    credit: int,
    placed: Moment,
    expires_at: str,
    reference: str | None = None,
    shipping_address: Mapping[str, str] | None = None,
    metadata: Mapping[str, str] | None = None,
    trace: str | None = None,
) -> Order:
    """A new order, pending; of the `credit` (minor units) it uses what it can."""
    order = Order(
        order_id=order_id,
        customer_id=customer_id,
        currency=currency,
        lines=tuple(lines),
        created_at=placed.at,
        expires_at=expires_at,
        reference=reference,
        shipping_address=shipping_address,
        metadata=metadata,
        timeline=(placed,),
        trace=trace,
    )
    usable = min(credit, order.total.minor)
    return replace(order, credit_used=usable) if usable else order
