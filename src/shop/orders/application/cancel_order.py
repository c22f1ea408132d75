"""Cancel an order that is not completed; the catalog then gives its stock back."""

from __future__ import annotations

from dataclasses import dataclass

from shop.kernel.clock import Clock, rfc3339
from shop.kernel.events import Cause
from shop.orders.application.consequences import save
from shop.orders.application.ports import Orders
from shop.orders.application.queries import owned
from shop.orders.contract import OrderCancelled
from shop.orders.domain.order import Moment, Order


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder:
    """Write set: order, credit +what it used; `order.cancelled` (and `refund.due` per payment)."""

    orders: Orders
    clock: Clock

    async def __call__(self, *, order_id: str, of_customer: str | None, reason: str, cause: Cause) -> Order:
        """The order, cancelled; nothing happens if it was. `of_customer=None`: anybody's."""
        order = await owned(self.orders, order_id, of_customer)
        moment = Moment(what=OrderCancelled.TYPE, at=rfc3339(self.clock()), by=cause.id, detail=reason)
        after = order.with_cancellation(reason, moment)
        await save(self.orders, order, after, cause=cause)
        return after
