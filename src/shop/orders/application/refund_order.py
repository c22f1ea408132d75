"""Give money of a completed order back: an amount, or what some of its goods cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shop.kernel.clock import Clock, rfc3339
from shop.kernel.events import Cause
from shop.kernel.idempotency import Once
from shop.kernel.ids import Ids
from shop.kernel.money import Money
from shop.orders.application.consequences import save
from shop.orders.application.ports import Orders
from shop.orders.application.queries import known
from shop.orders.contract import OrderRefunded
from shop.orders.domain.order import Moment, Order
from shop.orders.domain.refund import Refund, RefundedLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Refunded:
    """A refund and its order; `replayed`: it was made when its key came first."""

    order: Order
    refund: Refund
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundOrder:
    """Write set: order, guard, credit +what goes back to it; `order.refunded`, and `refund.due` for the payment."""

    orders: Orders
    clock: Clock
    ids: Ids

    async def __call__(
        self, *, order_id: str, wanted: str | Sequence[RefundedLine], once: Once, cause: Cause
    ) -> Refunded:
        """`wanted` is a decimal in the order's currency, or goods. The same key and body is one refund."""
        before = await known(self.orders, order_id)
        # Only then, so that no copy sees an order that another one of it has refunded already.
        if made := await self.orders.led_to(once):
            return _refunded(await known(self.orders, order_id), made, replayed=True)
        refund_id, now = self.ids("rfd"), rfc3339(self.clock())
        after = before.with_refund(
            refund_id,
            Money.parse(wanted, before.currency) if isinstance(wanted, str) else wanted,
            Moment(what=OrderRefunded.TYPE, at=now, by=cause.id, detail=refund_id),
        )
        await save(self.orders, before, after, guard=once.led_to(refund_id), cause=cause)
        return _refunded(after, refund_id)


def _refunded(order: Order, refund_id: str, *, replayed: bool = False) -> Refunded:
    refund = next(refund for refund in order.refunds if refund.refund_id == refund_id)
    return Refunded(order=order, refund=refund, replayed=replayed)
