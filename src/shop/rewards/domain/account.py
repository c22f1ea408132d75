"""A customer's account of points over an append-only ledger.

Points expire by month, so lots are months, and an account is one small document however old. A lot is what orders
brought, less what their refunds took back; what was spent comes off the lots oldest first, and off what is earned
next where they do not reach. So it makes no difference in which order orders, refunds and redemptions are heard.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from shop.kernel.errors import Clash
from shop.kernel.money import Money
from shop.rewards.domain.entry import Entry, Kind
from shop.rewards.domain.months import end_of, expires_in, month_of


class NotEnoughPoints(Clash):
    """More points are asked for than there are."""

    code = "not-enough-points"


Booked = tuple["Account", list[Entry]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """`balance` = Σ `lots` - `spent` = Σ `left` - `debt` = Σ entries, always.

    Whatever is booked, lots whose month is over expire first: nobody depends on when a job runs. Time never runs
    backwards in a ledger: what is told to be earlier than the last entry happened at its moment.
    """

    customer_id: str
    balance: int = 0
    lots: Mapping[str, int] = field(default_factory=dict)  # by the month they expire in (`2028-11`)
    spent: int = 0  # redeemed, or taken back after its lot was gone
    seq: int = 0
    last_at: str = ""
    version: int = 0

    @property
    def left(self) -> dict[str, int]:
        """Points that can be redeemed, by the month they expire in, the oldest first."""
        left, spent = {}, self.spent
        for month in sorted(self.lots):
            taken = min(spent, self.lots[month])
            spent -= taken
            if taken < self.lots[month]:
                left[month] = self.lots[month] - taken
        return left

    @property
    def debt(self) -> int:
        """Points taken back that were redeemed before; what is earned next pays them."""
        return max(self.spent - sum(self.lots.values()), 0)

    def earn(self, *, points: int, order_id: str, rule: str, completed: datetime, at: str) -> Booked:
        """Points of an order. They expire by when it was completed, whenever that is heard, but not before today."""
        account, expired = self.expire(at=at)
        month = max(expires_in(completed), month_of(max(at, self.last_at)))
        lots = {**account.lots, month: account.lots.get(month, 0) + points}
        entry = Entry(kind=Kind.EARN, source=order_id, rule=rule, order_id=order_id, expires=month)
        return _booked(account, entry, at=at, lots=lots, spent=account.spent, after=expired)

    def redeem(self, *, points: int, redemption_id: str, credit: Money, at: str) -> Booked:
        """Turn points into credit, the oldest first. `NotEnoughPoints` if there are not so many."""
        account, expired = self.expire(at=at)
        if points > account.balance:
            there = max(account.balance, 0)
            raise NotEnoughPoints(
                f"there are {there} points, not {points}: redeem at most what is there", extra={"points": there}
            )
        entry = Entry(
            kind=Kind.REDEEM, source=redemption_id, rule=Kind.REDEEM, credit=str(credit), currency=credit.currency
        )
        return _booked(account, entry, at=at, lots=account.lots, spent=account.spent + points, after=expired)

    def reverse(self, *, points: int, earned: Entry, refund_id: str, at: str) -> Booked:
        """Take back what an entry brought: from its own lot, else from the oldest; what is not there is debt."""
        account, expired = self.expire(at=at)
        own = min(points, account.lots.get(earned.lot, 0))
        lots = _without(account.lots, earned.lot, points=own)
        spent = account.spent + points - own
        entry = Entry(
            kind=Kind.REVERSE, source=refund_id, rule=earned.rule, order_id=earned.order_id, reverses=earned.seq
        )
        return _booked(account, entry, at=at, lots=lots, spent=spent, after=expired)

    def expire(self, *, at: str) -> Booked:
        """Close the lots whose month is over, each at its month's end; those with nothing left without an entry."""
        account, entries = self, list[Entry]()
        today = month_of(max(at, self.last_at))
        for month in sorted(month for month in self.lots if month < today):
            in_lot, left = account.lots[month], account.left.get(month, 0)
            lots = _without(account.lots, month, points=in_lot)
            spent = account.spent - (in_lot - left)
            if left:
                entry = Entry(kind=Kind.EXPIRE, source=month, rule=Kind.EXPIRE)
                account, entries = _booked(account, entry, at=end_of(month), lots=lots, spent=spent, after=entries)
            else:
                account = replace(account, lots=lots, spent=spent)
        return account, entries


def _booked(
    account: Account, entry: Entry, *, at: str, lots: Mapping[str, int], spent: int, after: list[Entry]
) -> Booked:
    """The account with these lots and so much spent; the entry, which comes to just that, after the others."""
    now = replace(
        account,
        balance=sum(lots.values()) - spent,
        lots=lots,
        spent=spent,
        seq=account.seq + 1,
        last_at=max(at, account.last_at),
    )
    left = now.left
    fewer = ((month, there - left.get(month, 0)) for month, there in account.left.items())
    booked = replace(
        entry,
        customer_id=now.customer_id,
        points=now.balance - account.balance,
        seq=now.seq,
        at=now.last_at,
        balance_after=now.balance,
        taken_from=tuple((month, points) for month, points in fewer if points > 0),
    )
    return now, [*after, booked]


def _without(lots: Mapping[str, int], month: str, *, points: int) -> Mapping[str, int]:
    left = {**lots, month: lots.get(month, 0) - points}
    return {month: points for month, points in left.items() if points}
