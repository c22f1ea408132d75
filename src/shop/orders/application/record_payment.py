"""A payment of an order was captured."""

from __future__ import annotations

from dataclasses import dataclass, replace

from shop.kernel.clock import Clock, rfc3339
from shop.kernel.events import Cause
from shop.kernel.money import Money
from shop.orders.application.consequences import save
from shop.orders.application.ports import Orders
from shop.orders.application.queries import known
from shop.orders.domain.order import Captured, Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPayment:
    """Write set: order; `order.completed` if its stock is reserved, `refund.due` if the money is owed back."""

    orders: Orders
    clock: Clock

    async def __call__(self, *, order_id: str, payment_id: str, amount: Money, taken_at: str, cause: Cause) -> None:
        """`taken_at`: when the provider told us. Nothing happens if it is known already."""
        order = await known(self.orders, order_id)
        moment = Moment(what="payment.completed", at=rfc3339(self.clock()), by=cause.id, detail=payment_id)
        after = order.with_payment(payment_id, Captured(amount=amount.minor, at=taken_at), moment)
        if order.trace:  # the provider's request has a trace of its own
            cause = replace(cause, traceparent=order.trace)
        await save(self.orders, order, after, cause=cause)
