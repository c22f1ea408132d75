"""A completed order earns points, once per rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shop.kernel.clock import Clock, rfc3339
from shop.kernel.events import Cause, Event
from shop.kernel.money import Money
from shop.rewards.application.ports import Ledger
from shop.rewards.contract import RewardIssued
from shop.rewards.domain.account import Earning, Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class EarnPoints:
    """Write set: account, an entry per rule; events `reward.issued`."""

    ledger: Ledger
    clock: Clock
    rules: Sequence[Earning]

    async def __call__(self, *, customer_id: str, order_id: str, total: Money, cause: Cause) -> None:
        """Nothing happens where the order has earned already."""
        account = await self.ledger.account(customer_id)
        entries: list[Entry] = []
        events: list[Event] = []
        for rule in self.rules:
            points = rule.points(total)
            if points <= 0 or await self._earned(customer_id, order_id, rule):
                continue
            account, entry = account.earn(points=points, order_id=order_id, rule=rule.name, at=rfc3339(self.clock()))
            entries.append(entry)
            events.append(RewardIssued(customer_id=customer_id, points=points, order_id=order_id))
        if entries:
            await self.ledger.save(account, entries, events=events, cause=cause)

    async def _earned(self, customer_id: str, order_id: str, rule: Earning) -> bool:
        return await self.ledger.holds(customer_id=customer_id, source=order_id, rule=rule.name, kind="earn")
