"""Paid orders of which the catalog has said nothing are told of again: their event may have been lost on the way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shop.kernel.clock import Clock
from shop.kernel.events import Cause
from shop.orders.application.create_order import created
from shop.orders.application.ports import Orders
from shop.orders.domain.order import Status

PERIOD = timedelta(minutes=10)  # between two runs


@dataclass(frozen=True, slots=True, kw_only=True)
class NudgeOrders:
    """Event `order.created` once more, ever more seldom: when the order is 10, 20, 40 … minutes old. Whoever has heard
    it before does nothing. Unpaid orders expire instead.
    """

    orders: Orders
    clock: Clock

    async def __call__(self, *, cause: Cause) -> int:
        """How many were told of again."""
        nudged, after, more = 0, None, True
        while more:
            pending, after = await self.orders.in_status(Status.PENDING, after=after, limit=100)
            for order in pending:
                if order.paid and _is_time(self.clock() - datetime.fromisoformat(order.created_at)):
                    await self.orders.tell([created(order)], cause=cause)
                    nudged += 1
            more = after is not None
        return nudged


def _is_time(age: timedelta) -> bool:
    """In the first run after its age has doubled."""
    periods = age // PERIOD
    return periods > 0 and periods & (periods - 1) == 0
