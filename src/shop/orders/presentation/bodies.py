"""What may be sent to orders over HTTP."""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from shop.kernel.errors import Invalid
from shop.kernel.idempotency import Once
from shop.kernel.money import NotMoney
from shop.orders.application.create_order import NewOrder
from shop.orders.domain.lines import (
    MOST_LINES,
    MOST_QUANTITY,
    MixedCurrencies,
    NothingOrdered,
    TooManyLines,
    TotalTooLarge,
    UnknownProducts,
    WrongQuantity,
)
from shop.orders.domain.refund import NothingToRefund, NotOfThisOrder, RefundedLine, RefundTooLarge, TooManyRefunds
from shop.platform.answers import Habit

ProductId = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9._~@-]{1,100}$(?!\\n)")]
Quantity = Annotated[int, msgspec.Meta(ge=1, le=MOST_QUANTITY)]
Texts = Annotated[
    dict[Annotated[str, msgspec.Meta(max_length=100)], Annotated[str, msgspec.Meta(max_length=1000)]],
    msgspec.Meta(max_length=40),
]


MOST_TEXTS = 8 * 1024  # bytes of JSON


class TextsTooLarge(Invalid):
    """An address, or metadata, of more than 8 KB."""

    code = "texts-too-large"


class AmountOrLines(Invalid):
    """A refund that says neither, or both."""

    code = "amount-or-lines"


ORDERS_REFUSED = Habit(
    refusals=(
        NothingOrdered,
        TooManyLines,
        WrongQuantity,
        UnknownProducts,
        MixedCurrencies,
        TotalTooLarge,
        NotMoney,
        TextsTooLarge,
    )
)
REFUNDS_REFUSED = Habit(
    refusals=(AmountOrLines, NothingToRefund, NotOfThisOrder, RefundTooLarge, TooManyRefunds, NotMoney)
)


class ItemBody(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """So many of one product."""

    product_id: ProductId
    quantity: int


class OrderBody(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """An order to place. Lines of the same product are added up; `expectedTotal` is what the customer was shown.

    With `useCredit` it costs so much less as the customer has credit.
    """

    items: list[ItemBody]
    expected_total: str | None = None
    use_credit: bool = False
    reference: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    shipping_address: Texts | None = None
    metadata: Texts | None = None

    def wanted(self, *, customer_id: str, once: Once) -> NewOrder:
        """What the customer asks for; `TextsTooLarge` beyond what is kept for it."""
        for field, texts in (("shippingAddress", self.shipping_address), ("metadata", self.metadata)):
            if texts and len(msgspec.json.encode(texts)) > MOST_TEXTS:
                message = f"is more than {MOST_TEXTS} bytes of JSON"
                raise TextsTooLarge(f"{field} {message}", errors=[{"field": field, "message": message}])
        return NewOrder(
            customer_id=customer_id,
            items=[(item.product_id, item.quantity) for item in self.items],
            once=once,
            use_credit=self.use_credit,
            expected_total=self.expected_total,
            reference=self.reference,
            shipping_address=self.shipping_address,
            metadata=self.metadata,
        )


class RefundedLineBody(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """So many of one product; with `restock` they came back and can be sold again."""

    product_id: ProductId
    quantity: Quantity
    restock: bool = False


class RefundBody(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """Either an `amount` in the order's currency, or `lines`: what these goods cost when they were ordered, as far as
    amounts have left so much of the order. Goods may come back for nothing.
    """

    amount: str | None = None
    lines: Annotated[list[RefundedLineBody], msgspec.Meta(min_length=1, max_length=2 * MOST_LINES)] | None = None

    def wanted(self) -> str | Sequence[RefundedLine]:
        """The one of the two that was sent."""
        if self.amount is not None and self.lines is None:
            return self.amount
        if self.lines is not None and self.amount is None:
            return [
                RefundedLine(product_id=line.product_id, quantity=line.quantity, restock=line.restock)
                for line in self.lines
            ]
        message = "or lines is given: one of the two"
        raise AmountOrLines(f"amount {message}", errors=[{"field": "amount", "message": message}])


class PaymentBody(msgspec.Struct, frozen=True, rename="camel"):
    """What the payment provider tells; it may tell more than we read."""

    payment_id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    order_id: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    amount: Annotated[str, msgspec.Meta(max_length=40)]
    currency: Annotated[str, msgspec.Meta(max_length=10)]
    status: Annotated[str, msgspec.Meta(pattern=r"^(completed|failed)$(?!\n)")]


class PaymentReceipt(msgspec.Struct, frozen=True, rename="camel"):
    """The payment is kept; `duplicate` if it was told before."""

    payment_id: str
    duplicate: bool
