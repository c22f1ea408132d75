"""Whether the catalog did what an order asked of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass

from shop.catalog.application.ports import Reservations
from shop.catalog.domain.reservation import Created, Refunded, key_of

# how an order stands for which nothing is on its way -> how its reservation may stand
_FITTING: Mapping[str, Collection[str]] = {
    "confirmed": ("reserved",),
    "completed": ("shipped",),
    "cancelled": ("released", "rejected"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditOrder:
    """Of an order for which nothing is on its way: what each has told the other is done."""

    reservations: Reservations

    async def __call__(self, *, order_id: str, status: str, restocked: Collection[str]) -> AsyncIterator[str]:
        """A sentence for each difference. `restocked`: the refunds by which goods came back."""
        reservation = await self.reservations.get(key_of(Created(order_id, ())))
        stands = reservation.status if reservation else "not there"
        if stands not in _FITTING.get(status, ()):
            yield f"order {order_id} is {status}, its reservation is {stands}, and nothing is on its way"
        for refund_id in restocked:
            came_back = await self.reservations.get(key_of(Refunded(order_id, refund_id, ())))
            if came_back is None or not came_back.at_rest:
                yield f"order {order_id}: the goods of refund {refund_id} are not in stock, and nothing is on its way"
