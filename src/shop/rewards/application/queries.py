"""What can be asked of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shop.kernel.clock import Clock, rfc3339
from shop.rewards.application.ports import Ledger
from shop.rewards.contract import AccountView, ExpiryView
from shop.rewards.domain.account import Account
from shop.rewards.domain.months import end_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBalance:
    """The balance now or at a moment."""

    ledger: Ledger
    clock: Clock

    async def __call__(self, *, customer_id: str, at: datetime | None = None) -> AccountView:
        """Now: with what expires next. At a moment to come: what will be left if nothing else happens."""
        moment = rfc3339(at or self.clock())
        asked = moment if at else None
        account = await self.ledger.account(customer_id)
        if asked is None or asked >= account.last_at:
            return _view(account.expire(at=moment)[0], asked)
        entry = await self.ledger.last_entry(customer_id, until=asked)
        balance = entry.balance_after if entry else 0
        return AccountView(customer_id=customer_id, balance=balance, debt=max(-balance, 0), at=asked)


def _view(account: Account, asked: str | None) -> AccountView:
    soonest = next(iter(account.left.items()), None)
    return AccountView(
        customer_id=account.customer_id,
        balance=account.balance,
        debt=account.debt,
        next_expiry=ExpiryView(points=soonest[1], at=end_of(soonest[0])) if soonest else None,
        at=asked,
    )
