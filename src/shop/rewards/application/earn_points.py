"""A completed order earns points, once per rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shop.kernel.clock import Clock, rfc3339
from shop.kernel.events import Cause
from shop.kernel.money import Money
from shop.rewards.application.announcements import announced
from shop.rewards.application.ports import Ledger
from shop.rewards.domain.earning import Earning
from shop.rewards.domain.entry import Entry, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class EarnPoints:
    """Write set: account, an entry per rule; events `reward.issued` (and what has expired by now)."""

    ledger: Ledger
    clock: Clock
    rules: Sequence[Earning]

    async def __call__(
        self, *, customer_id: str, order_id: str, total: Money, completed: datetime, cause: Cause
    ) -> None:
        """Nothing happens where the order has earned already."""
        account = await self.ledger.account(customer_id)
        at, entries = rfc3339(self.clock()), list[Entry]()
        for rule in self.rules:
            points = rule.points(total)
            if points <= 0 or await self._earned(customer_id, order_id, rule):
                continue
            account, booked = account.earn(points=points, order_id=order_id, rule=rule.name, completed=completed, at=at)
            entries += booked
        if entries:
            await self.ledger.save(account, entries, events=[*map(announced, entries)], cause=cause)

    async def _earned(self, customer_id: str, order_id: str, rule: Earning) -> bool:
        entry = await self.ledger.entry(customer_id=customer_id, source=order_id, rule=rule.name, kind=Kind.EARN)
        return entry is not None
