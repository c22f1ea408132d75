"""Money of a completed order that goes back, in part or whole, and the goods that came back for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shop.kernel.errors import Clash, Invalid
from shop.kernel.money import Money
from shop.orders.domain.lines import Line

MOST_REFUNDS = 100  # of one order


class NothingToRefund(Invalid):
    """A refund of no money, or of less than none."""

    code = "nothing-to-refund"


class NotOfThisOrder(Invalid):
    """Goods that the order does not have, or no longer so many of."""

    code = "not-of-this-order"


class RefundTooLarge(Clash):
    """More money than is left of the order."""

    code = "refund-too-large"


class TooManyRefunds(Clash):
    """More refunds than one order can have."""

    code = "too-many-refunds"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundedLine:
    """So many of one product are paid back; with `restock` they came back and can be sold again."""

    product_id: str
    quantity: int
    restock: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Amounts are minor units of the order's currency. What does not go to the payment is credit again."""

    refund_id: str
    amount: int
    to_payment: int
    payment_id: str | None  # who gives the money back; None if no money was paid
    lines: tuple[RefundedLine, ...] = ()
    at: str

    @property
    def to_credit(self) -> int:
        """What becomes credit again."""
        return self.amount - self.to_payment


def price_of(lines: Sequence[RefundedLine], *, ordered: Sequence[Line], before: Iterable[Refund]) -> int:
    """What these goods cost when they were ordered; `NotOfThisOrder` beyond what is not refunded yet."""
    prices = {line.product_id: line.price for line in ordered}
    left = not_refunded(ordered, before)
    for index, line in enumerate(lines):
        left[line.product_id] -= line.quantity
        if line.quantity < 1 or left[line.product_id] < 0:
            could = max(left[line.product_id] + line.quantity, 0)
            where, message = f"lines[{index}].quantity", f"is 1 to {could}: so many are not refunded yet"
            raise NotOfThisOrder(f"{where} {message}", errors=[{"field": where, "message": message}])
    return sum(prices[line.product_id] * line.quantity for line in lines)


def not_refunded(ordered: Iterable[Line], refunds: Iterable[Refund]) -> Counter[str]:
    """How many of each product are left."""
    left = Counter({line.product_id: line.quantity for line in ordered})
    for refund in refunds:
        for line in refund.lines:
            left[line.product_id] -= line.quantity
    return left


def gathered(lines: Iterable[RefundedLine]) -> tuple[RefundedLine, ...]:
    """One line a product and whether it came back."""
    quantities: Counter[tuple[str, bool]] = Counter()
    for line in lines:
        quantities[line.product_id, line.restock] += line.quantity
    return tuple(
        RefundedLine(product_id=product_id, quantity=quantity, restock=restock)
        for (product_id, restock), quantity in quantities.items()
    )


def within(amount: Money, remaining: Money) -> Money:
    """The amount, if it can be refunded."""
    if amount.minor <= 0:
        raise NothingToRefund(
            "a refund is of more than nothing", errors=[{"field": "amount", "message": "is 0 or less"}]
        )
    if remaining < amount:
        raise RefundTooLarge(
            f"{remaining} {remaining.currency} is left of the order, less than {amount}",
            extra={"remainingTotal": str(remaining), "currency": remaining.currency},
        )
    return amount
