"""Turn points into credit, once per Idempotency-Key."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from shop.kernel.clock import Clock, rfc3339
from shop.kernel.events import Cause
from shop.kernel.idempotency import Once
from shop.kernel.ids import Ids
from shop.kernel.money import Money
from shop.rewards.application.announcements import announced
from shop.rewards.application.ports import Ledger
from shop.rewards.contract import RedemptionView


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsRedeemed:
    """A redemption; `replayed`: it happened when its key came first."""

    view: RedemptionView
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RedeemPoints:
    """Write set: account, entry, guard; event `reward.redeemed` (and what has expired by now)."""

    ledger: Ledger
    clock: Clock
    ids: Ids
    point_value: Money  # of one point

    async def __call__(self, *, customer_id: str, points: int, once: Once, cause: Cause) -> PointsRedeemed:
        """`NotEnoughPoints` if there are not so many; `KeyReused` if the key came with another request."""
        before = await self.ledger.account(customer_id)
        # Only then, so that no copy sees an account from which another one of it has taken the points.
        if answer := await self.ledger.led_to(once):
            return PointsRedeemed(view=msgspec.json.decode(answer, type=RedemptionView), replayed=True)
        redemption_id, credit = self.ids("red"), self.point_value * points
        account, entries = before.redeem(
            points=points, redemption_id=redemption_id, credit=credit, at=rfc3339(self.clock())
        )
        view = RedemptionView(
            redemption_id=redemption_id,
            customer_id=customer_id,
            points=points,
            credit=str(credit),
            currency=credit.currency,
            balance=account.balance,
        )
        guard = once.led_to(msgspec.json.encode(view).decode())
        await self.ledger.save(account, entries, events=[*map(announced, entries)], guard=guard, cause=cause)
        return PointsRedeemed(view=view)
