"""A line of the ledger: written once, never changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shop.rewards.domain.months import expires_in


class Kind(StrEnum):
    """What moves points."""

    EARN = "earn"  # by a completed order
    REDEEM = "redeem"  # for credit
    REVERSE = "reverse"  # by a refund
    EXPIRE = "expire"  # by the end of a month


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Points that came or went, and why; (source, rule, kind) is there once.

    The source is what caused it: the order, the redemption, the refund, or the month that ended. The figures are the
    account's, which fills them in when it books the entry.
    """

    kind: Kind
    source: str
    rule: str  # the rule by which an order earned; of others the name of their kind
    order_id: str = ""  # whose points they are: of what was earned or reversed
    expires: str = ""  # the month at whose end what was earned expires
    reverses: int | None = None  # the `seq` of the entry that earned what was reversed
    credit: str = ""  # what was redeemed is worth: a decimal
    currency: str = ""

    customer_id: str = ""
    points: int = 0  # negative where they went
    seq: int = 0  # 1, 2, 3, …
    at: str = ""  # RFC 3339
    balance_after: int = 0
    taken_from: tuple[tuple[str, int], ...] = ()  # (month, points): the lots that had what went; debt had the rest

    @property
    def lot(self) -> str:
        """The month of the lot that what was earned is in. Entries of old do not name it."""
        return self.expires or expires_in(datetime.fromisoformat(self.at))
