"""What rewards gives: its events, and the views others may read."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from shop.kernel.events import Event


class RewardIssued(Event, frozen=True, kw_only=True):
    """A customer earned points with an order."""

    TYPE: ClassVar = "reward.issued"
    ABOUT: ClassVar = "customer_id"

    customer_id: str
    points: int
    order_id: str


class RewardRedeemed(Event, frozen=True, kw_only=True):
    """A customer turned points into credit: `credit` is a decimal, to be taken off later orders."""

    TYPE: ClassVar = "reward.redeemed"
    ABOUT: ClassVar = "customer_id"

    redemption_id: str
    customer_id: str
    points: int
    credit: str
    currency: str


class RewardReversed(Event, frozen=True, kw_only=True):
    """Points that an order had earned were taken back, because money of it was refunded."""

    TYPE: ClassVar = "reward.reversed"
    ABOUT: ClassVar = "customer_id"

    customer_id: str
    points: int
    order_id: str
    refund_id: str


class RewardExpired(Event, frozen=True, kw_only=True):
    """Points that nobody redeemed in time are gone; `month` is the one at whose end they expired (`2028-11`)."""

    TYPE: ClassVar = "reward.expired"
    ABOUT: ClassVar = "customer_id"

    customer_id: str
    points: int
    month: str


class ExpiryView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """So many points are gone at that moment, unless they are redeemed before."""

    points: int
    at: str


class AccountView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A customer's balance, in points; below zero by the `debt`, which what is earned next pays. `at`: if asked."""

    customer_id: str
    balance: int
    debt: int = 0
    next_expiry: ExpiryView | None = None
    at: str | None = None


class EntryView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One entry of the ledger, the `seq`-th of its customer.

    Of what an order earned: `orderId`, and `expires`, the month at whose end it does; of what was reversed: `orderId`,
    `refundId`, and `reverses`, the entry that it reverses; of what was redeemed: what it was worth.
    """

    kind: str
    points: int
    source: str
    rule: str
    at: str
    balance_after: int
    seq: int
    order_id: str | None = None
    expires: str | None = None
    refund_id: str | None = None
    reverses: int | None = None
    redemption_id: str | None = None
    credit: str | None = None
    currency: str | None = None


class EntryPage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of the ledger, newest first; `nextCursor` asks for the next."""

    data: tuple[EntryView, ...]
    next_cursor: str | None


class RedemptionView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Points that have become credit, and the balance after that."""

    redemption_id: str
    customer_id: str
    points: int
    credit: str
    currency: str
    balance: int
