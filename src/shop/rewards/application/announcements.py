"""What rewards tells the world: one event per entry of the ledger."""

from __future__ import annotations

from shop.kernel.events import Event
from shop.rewards.contract import RewardExpired, RewardIssued, RewardRedeemed, RewardReversed
from shop.rewards.domain.entry import Entry, Kind


def announced(entry: Entry) -> Event:
    """The event that goes out with the entry; its points are never negative."""
    customer_id, points = entry.customer_id, abs(entry.points)
    match entry.kind:
        case Kind.EARN:
            return RewardIssued(customer_id=customer_id, points=points, order_id=entry.order_id)
        case Kind.REDEEM:
            return RewardRedeemed(
                redemption_id=entry.source,
                customer_id=customer_id,
                points=points,
                credit=entry.credit,
                currency=entry.currency,
            )
        case Kind.REVERSE:
            return RewardReversed(
                customer_id=customer_id, points=points, order_id=entry.order_id, refund_id=entry.source
            )
        case Kind.EXPIRE:
            return RewardExpired(customer_id=customer_id, points=points, month=entry.source)
