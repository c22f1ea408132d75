"""Paid orders of which the catalog has said nothing are told of again: their event may have been lost on the way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from shop.kernel.clock import Clock, rfc3339
from shop.kernel.events import Cause
from shop.orders.application.create_order import created
from shop.orders.application.ports import Orders
from shop.orders.domain.order import Status

_PATIENCE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class NudgeOrders:
    """Event `order.created` once more; whoever has heard it before does nothing. Unpaid orders expire instead."""

    orders: Orders
    clock: Clock

    async def __call__(self, *, cause: Cause) -> int:
        """How many were told of again."""
        before = rfc3339(self.clock() - _PATIENCE)
        nudged, after, more = 0, None, True
        while more:
            pending, after = await self.orders.in_status(Status.PENDING, after=after, limit=100)
            for order in pending:
                if order.paid and order.created_at <= before:
                    await self.orders.tell([created(order)], cause=cause)
                    nudged += 1
            more = after is not None
        return nudged
