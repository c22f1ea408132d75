"""Orders that nobody paid in time are cancelled, and their stock is free again."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from shop.kernel.clock import Clock, rfc3339
from shop.kernel.events import Cause
from shop.orders.application.consequences import save
from shop.orders.application.ports import Orders
from shop.orders.contract import OrderCancelled
from shop.orders.domain.order import Moment, Order, Status

_MOST_PAYMENTS = 100
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireOrders:
    """Each in a commit of its own, so it may stop anywhere; what was found is read again before it is decided on, and
    one that cannot be expired now does not keep the others from it.
    """

    orders: Orders
    clock: Clock

    async def __call__(self, *, cause: Cause) -> int:
        """How many have expired now. A paid one never does."""
        now = rfc3339(self.clock())
        expired, after, more = 0, None, True
        while more:
            candidates, after = await self.orders.unpaid(until=now, after=after)
            for order_id in candidates:
                try:
                    expired += await self._expire(order_id, now, cause)
                except Exception:  # noqa: BLE001 - it is tried again with the next run
                    _log.warning("order-not-expired", order_id=order_id, exc_info=True)
            more = after is not None
        return expired

    async def _expire(self, order_id: str, now: str, cause: Cause) -> bool:
        order = await self.orders.get(order_id)
        if order is None or not _waits_in_vain(order, now) or await self._taken(order_id):
            return False
        moment = Moment(what=OrderCancelled.TYPE, at=now, by=cause.id, detail="expired")
        await save(self.orders, order, order.with_cancellation("expired", moment), cause=cause)
        return True

    async def _taken(self, order_id: str) -> bool:
        """Whether a payment was taken that the order has still to hear of."""
        payments, _ = await self.orders.payments(order_id, after=None, limit=_MOST_PAYMENTS)
        return any(payment.status == "completed" and not payment.refused for payment in payments)


def _waits_in_vain(order: Order, now: str) -> bool:
    return order.status in (Status.PENDING, Status.CONFIRMED) and not order.paid and order.expires_at <= now
