"""Something happened elsewhere that belongs on an order's timeline and changes nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from shop.kernel.clock import Clock, rfc3339
from shop.kernel.events import Cause
from shop.orders.application.ports import Orders
from shop.orders.application.queries import known
from shop.orders.domain.order import Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Write set: order."""

    orders: Orders
    clock: Clock

    async def __call__(self, *, order_id: str, what: str, cause: Cause, detail: str | None = None) -> None:
        """Once per cause."""
        order = await known(self.orders, order_id)
        after = order.with_note(Moment(what=what, at=rfc3339(self.clock()), by=cause.id, detail=detail))
        if after is not order:
            await self.orders.save(after, events=[], cause=cause)
