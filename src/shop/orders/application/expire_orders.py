"""Orders that nobody paid in time are cancelled, and their stock is free again."""

from __future__ import annotations

from dataclasses import dataclass

from shop.kernel.clock import Clock, rfc3339
from shop.kernel.events import Cause
from shop.orders.application.cancel_order import CancelOrder
from shop.orders.application.ports import Orders
from shop.orders.domain.order import Order, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireOrders:
    """Each in a commit of its own, so it may stop anywhere; what was found is read again before it is decided on."""

    orders: Orders
    cancel_order: CancelOrder
    clock: Clock

    async def __call__(self, *, cause: Cause) -> int:
        """How many have expired now. A paid one never does."""
        now = rfc3339(self.clock())
        expired, after, more = 0, None, True
        while more:
            candidates, after = await self.orders.unpaid(until=now, after=after)
            for order_id in candidates:
                order = await self.orders.get(order_id)
                if order is not None and _waits_in_vain(order, now):
                    await self.cancel_order(order_id=order_id, of_customer=None, reason="expired", cause=cause)
                    expired += 1
            more = after is not None
        return expired


def _waits_in_vain(order: Order, now: str) -> bool:
    return order.status in (Status.PENDING, Status.CONFIRMED) and not order.paid and order.expires_at <= now
