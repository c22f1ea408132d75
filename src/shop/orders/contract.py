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
    """Money is owed back to who paid: one per payment and cause."""

    TYPE: ClassVar = "refund.due"
    ABOUT: ClassVar = "order_id"

    order_id: str
    payment_id: str
    amount: str
    currency: str
    reason: str


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


class OrderView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An order as its owner sees it."""

    order_id: str
    customer_id: str
    status: str
    lines: tuple[LineView, ...]
    total: str
    currency: str
    created_at: str
    expires_at: str
    reason: str | None = None
    owed_back: str | None = None
    reference: str | None = None
    shipping_address: dict[str, str] | None = None
    metadata: dict[str, str] | None = None
    timeline: tuple[MomentView, ...] = ()


class OrderPage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of orders; `nextCursor` asks for the next."""

    data: tuple[OrderView, ...]
    next_cursor: str | None
