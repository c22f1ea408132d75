"""A customer's account of points: a balance over an append-only ledger.

Points expire by month, so lots are months, and an account is one small document however old.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from shop.kernel.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Earning:
    """A named rule: points for a completed order of this total."""

    name: str
    points: Callable[[Money], int]


def _per_whole_unit(total: Money) -> int:
    return max(total.whole_units, 0)


EARNING: Sequence[Earning] = (Earning(name="one-per-unit", points=_per_whole_unit),)
LIFE_IN_MONTHS = 24  # points expire at the end of the month so many months after they were earned


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the ledger; (source, rule, kind) is there once. `at` is RFC 3339."""

    customer_id: str
    source: str  # the order that caused it
    rule: str
    kind: str
    points: int
    seq: int
    at: str
    balance_after: int
    order_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """`lots`: points left by the month they expire in (`2028-11`)."""

    customer_id: str
    balance: int = 0
    lots: Mapping[str, int] = field(default_factory=dict)
    seq: int = 0
    last_at: str = ""
    version: int = 0

    def earn(self, *, points: int, order_id: str, rule: str, at: str) -> tuple[Account, Entry]:
        """Points for an order. Time never runs backwards in a ledger."""
        at = max(at, self.last_at)
        month = expires_in(datetime.fromisoformat(at))
        account = replace(
            self,
            balance=self.balance + points,
            lots={**self.lots, month: self.lots.get(month, 0) + points},
            seq=self.seq + 1,
            last_at=at,
        )
        entry = Entry(
            customer_id=self.customer_id,
            source=order_id,
            rule=rule,
            kind="earn",
            points=points,
            seq=account.seq,
            at=at,
            balance_after=account.balance,
            order_id=order_id,
        )
        return account, entry


def expires_in(earned: datetime) -> str:
    """The month at whose end points earned then expire."""
    months = earned.year * 12 + earned.month - 1 + LIFE_IN_MONTHS
    return f"{months // 12:04d}-{months % 12 + 1:02d}"
