"""What rewards hears, and what it does then."""

from dataclasses import dataclass
from datetime import datetime

from shop.kernel.events import Cause, Envelope
from shop.kernel.money import Money
from shop.orders.contract import OrderCompleted, OrderRefunded
from shop.platform.bus import Reactions
from shop.rewards.application.earn_points import EarnPoints
from shop.rewards.application.reverse_points import ReversePoints


@dataclass(frozen=True, kw_only=True)
class RewardsReactions:
    """The reactions of rewards."""

    earn_points: EarnPoints
    reverse_points: ReversePoints

    def table(self) -> Reactions:
        """`{event type: reaction}`."""
        return {OrderCompleted.TYPE: self._completed, OrderRefunded.TYPE: self._refunded}

    async def _completed(self, envelope: Envelope, cause: Cause) -> None:
        """Write the points that the order earned into the ledger."""
        fact = envelope.read(OrderCompleted)
        await self.earn_points(
            customer_id=fact.customer_id,
            order_id=fact.order_id,
            total=Money.parse(fact.total, fact.currency),
            completed=datetime.fromisoformat(envelope.time),
            cause=cause,
        )

    async def _refunded(self, envelope: Envelope, cause: Cause) -> None:
        """Take back the points of the money that went back."""
        fact = envelope.read(OrderRefunded)
        await self.reverse_points(
            customer_id=fact.customer_id,
            order_id=fact.order_id,
            refund_id=fact.refund_id,
            before=Money.parse(fact.remaining_before, fact.currency),
            after=Money.parse(fact.remaining_after, fact.currency),
            cause=cause,
        )
