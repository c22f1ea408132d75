"""The catalog has reserved an order's stock, or could not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shop.kernel.clock import Clock, rfc3339
from shop.kernel.events import Cause
from shop.orders.application.consequences import save
from shop.orders.application.ports import Orders
from shop.orders.application.queries import known
from shop.orders.domain.order import Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordStock:
    """Write set: order, credit +what it used if rejected; `order.completed` if it is paid, `order.cancelled` if
    rejected (and `refund.due`).
    """

    orders: Orders
    clock: Clock

    async def __call__(
        self, *, order_id: str, outcome: Literal["reserved", "rejected"], cause: Cause, detail: str | None = None
    ) -> None:
        """Nothing happens if it is known already."""
        order = await known(self.orders, order_id)
        moment = Moment(what=f"stock.{outcome}", at=rfc3339(self.clock()), by=cause.id, detail=detail)
        after = order.with_stock(outcome, moment)
        await save(self.orders, order, after, cause=cause)
