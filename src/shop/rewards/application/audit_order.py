"""Whether a completed order has earned its points, and its refunds have taken theirs back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from shop.kernel.money import Money
from shop.rewards.application.ports import Ledger
from shop.rewards.domain.earning import Earning
from shop.rewards.domain.entry import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditOrder:
    """Of an order for which nothing is on its way."""

    ledger: Ledger
    rules: Sequence[Earning]

    async def __call__(
        self, *, customer_id: str, order_id: str, total: Money, refunds: Sequence[tuple[str, Money]]
    ) -> AsyncIterator[str]:
        """A sentence for each difference. `refunds`: their ids and amounts, the oldest first."""
        earning = [rule for rule in self.rules if rule.points(total) > 0]
        # an order earns by all rules in one commit: one by which it did not is newer than the order
        earned = [rule for rule in earning if await self._there(customer_id, order_id, rule, Kind.EARN)]
        if earning and not earned:
            yield f"order {order_id} is completed and has earned no points, and nothing is on its way"
        before = total
        for refund_id, amount in refunds:
            after = before - amount
            for rule in earned:
                lost = rule.lost(before=before, after=after)
                if lost and not await self._there(customer_id, refund_id, rule, Kind.REVERSE):
                    yield f"order {order_id}: refund {refund_id} took no points back, and nothing is on its way"
            before = after

    async def _there(self, customer_id: str, source: str, rule: Earning, kind: Kind) -> bool:
        return await self.ledger.entry(customer_id=customer_id, source=source, rule=rule.name, kind=kind) is not None
