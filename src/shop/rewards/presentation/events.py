"""What rewards hears, and what it does then."""

from dataclasses import dataclass

from shop.kernel.events import Cause, Envelope
from shop.kernel.money import Money
from shop.orders.contract import OrderCompleted
from shop.platform.bus import Reactions
from shop.rewards.application.earn_points import EarnPoints


@dataclass(frozen=True, kw_only=True)
class RewardsReactions:
    """The reactions of rewards."""

    earn_points: EarnPoints

    def table(self) -> Reactions:
        """`{event type: reaction}`."""
        return {OrderCompleted.TYPE: self._completed}

    async def _completed(self, envelope: Envelope, cause: Cause) -> None:
        fact = envelope.read(OrderCompleted)
        total = Money.parse(fact.total, fact.currency)
        await self.earn_points(customer_id=fact.customer_id, order_id=fact.order_id, total=total, cause=cause)
