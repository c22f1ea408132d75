"""What orders gives: its events, and the views others may read."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from shop.kernel.events import Event


class OrderedLine(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """So many of one product."""

    product_id: str
    quantity: int


class OrderCreated(Event, frozen=True, kw_only=True):
    """An order was placed; nothing is reserved yet. Each product stands in one line."""

    TYPE: ClassVar = "order.created"
    ABOUT: ClassVar = "order_id"

    order_id: str
    customer_id: str
    lines: tuple[OrderedLine, ...]


class OrderCompleted(Event, frozen=True, kw_only=True):
    """An order is reserved and paid. `total` is a decimal."""

    TYPE: ClassVar = "order.completed"
    ABOUT: ClassVar = "order_id"

    order_id: str
    customer_id: str
    total: str
    currency: str


class OrderCancelled(Event, frozen=True, kw_only=True):
    """An order is not to be: `reason` is `customer`, `staff`, `expired` or `out_of_stock`."""

    TYPE: ClassVar = "order.cancelled"
    ABOUT: ClassVar = "order_id"

    order_id: str
    customer_id: str
    reason: str


class OrderRefunded(Event, frozen=True, kw_only=True):
    """Money of a completed order goes back; `restock` are the goods that came back. Amounts are decimals."""

    TYPE: ClassVar = "order.refunded"
    ABOUT: ClassVar = "order_id"

    refund_id: str
    order_id: str
    customer_id: str
    amount: str
    currency: str
    remaining_before: str
    remaining_after: str
    restock: tuple[OrderedLine, ...] = ()


class RefundDue(Event, frozen=True, kw_only=True):
    """Money is owed back to who paid: one per payment and cause.

    `reason` is `cancelled:…` or `paid_twice` (the whole payment), or `refund` (a part of it, for `refundId`).
    """

    TYPE: ClassVar = "refund.due"
    ABOUT: ClassVar = "order_id"

    order_id: str
    payment_id: str
    amount: str
    currency: str
    reason: str
    refund_id: str | None = None


class PaymentCompleted(Event, frozen=True, kw_only=True):
    """The payment provider captured this amount for the order."""

    TYPE: ClassVar = "payment.completed"
    ABOUT: ClassVar = "order_id"

    payment_id: str
    order_id: str
    amount: str
    currency: str


class PaymentFailed(Event, frozen=True, kw_only=True):
    """The payment provider could not capture this amount."""

    TYPE: ClassVar = "payment.failed"
    ABOUT: ClassVar = "order_id"

    payment_id: str
    order_id: str
    amount: str
    currency: str


class LineView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A line as it was priced when the order was placed. Amounts are decimals in the order's currency."""

    product_id: str
    name: str
    quantity: int
    unit_price: str
    total: str


class MomentView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Something that happened to an order, when, and by which event or request."""

    what: str
    at: str
    by: str
    detail: str | None = None


class RefundedLineView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Goods that were paid back; with `restock` they came back too."""

    product_id: str
    quantity: int
    restock: bool


class RefundView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Money of an order that went back: `toPayment` to who paid, `toCredit` to the credit used. Decimals."""

    refund_id: str
    order_id: str
    amount: str
    to_payment: str
    to_credit: str
    currency: str
    lines: tuple[RefundedLineView, ...]
    at: str


class PaymentView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What the payment provider told of a payment; `refused` says why it does not count."""

    payment_id: str
    order_id: str
    amount: str
    currency: str
    status: str
    at: str
    refused: str | None = None


class PaymentPage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of payments; `nextCursor` asks for the next."""

    data: tuple[PaymentView, ...]
    next_cursor: str | None


class CreditView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a customer can use on orders: currency → decimal."""

    customer_id: str
    credit: dict[str, str]


class OrderView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An order as its owner sees it. Of the `total`, `creditUsed` was paid with credit and `toPay` is to be paid."""

    order_id: str
    customer_id: str
    status: str
    lines: tuple[LineView, ...]
    total: str
    to_pay: str
    currency: str
    created_at: str
    expires_at: str
    credit_used: str | None = None
    reason: str | None = None
    owed_back: str | None = None
    refunded_total: str | None = None
    refunds: tuple[RefundView, ...] = ()
    reference: str | None = None
    shipping_address: dict[str, str] | None = None
    metadata: dict[str, str] | None = None
    timeline: tuple[MomentView, ...] = ()


class OrderPage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of orders; `nextCursor` asks for the next."""

    data: tuple[OrderView, ...]
    next_cursor: str | None
