"""A refund takes back the points that the refunded money had earned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shop.kernel.clock import Clock, rfc3339
from shop.kernel.errors import NotYet
from shop.kernel.events import Cause
from shop.kernel.money import Money
from shop.rewards.application.announcements import announced
from shop.rewards.application.ports import Ledger
from shop.rewards.domain.earning import Earning
from shop.rewards.domain.entry import Entry, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class ReversePoints:
    """Write set: account, an entry per rule; events `reward.reversed` (and what has expired by now)."""

    ledger: Ledger
    clock: Clock
    rules: Sequence[Earning]

    async def __call__(
        self, *, customer_id: str, order_id: str, refund_id: str, before: Money, after: Money, cause: Cause
    ) -> None:
        """`before` and `after`: the order's total less its refunds. `NotYet` if its points are still to come.

        Nothing happens where the refund has been reckoned with already, or costs no points. An order earns by all
        rules in one commit: one by which it did not, while it did by others, is newer than the order.
        """
        lost = {rule.name: points for rule in self.rules if (points := rule.lost(before=before, after=after))}
        earned = [
            entry
            for rule in lost
            if (entry := await self.ledger.entry(customer_id=customer_id, source=order_id, rule=rule, kind=Kind.EARN))
        ]
        if lost and not earned:
            raise NotYet(f"{order_id} has not earned the points yet that {refund_id} takes back")
        account = await self.ledger.account(customer_id)
        at, entries = rfc3339(self.clock()), list[Entry]()
        for entry in earned:
            if not await self._reversed(entry, refund_id):
                account, booked = account.reverse(points=lost[entry.rule], earned=entry, refund_id=refund_id, at=at)
                entries += booked
        if entries:
            await self.ledger.save(account, entries, events=[*map(announced, entries)], cause=cause)

    async def _reversed(self, earned: Entry, refund_id: str) -> bool:
        entry = await self.ledger.entry(
            customer_id=earned.customer_id, source=refund_id, rule=earned.rule, kind=Kind.REVERSE
        )
        return entry is not None
