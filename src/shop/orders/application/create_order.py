"""Place an order: once per Idempotency-Key, at the catalog's prices, without waiting for its stock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from shop.kernel.clock import Clock, rfc3339
from shop.kernel.errors import Clash, Refusal
from shop.kernel.events import Cause
from shop.kernel.idempotency import Once
from shop.kernel.ids import Ids
from shop.kernel.money import Money
from shop.orders.application.ports import Catalog, Orders
from shop.orders.application.queries import known
from shop.orders.contract import OrderCreated, OrderedLine
from shop.orders.domain.lines import merged, priced
from shop.orders.domain.order import Moment, Order, place


class TotalDiffers(Clash):
    """The total is not what the customer was shown."""

    code = "total-differs"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """What a customer asks for."""

    customer_id: str
    items: Sequence[tuple[str, int]]
    once: Once
    use_credit: bool = False
    expected_total: str | None = None
    reference: str | None = None
    shipping_address: Mapping[str, str] | None = None
    metadata: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOrder:
    """Write set: order, guard, credit less what it uses; event `order.created`."""

    orders: Orders
    catalog: Catalog
    clock: Clock
    ids: Ids
    expiry: timedelta

    async def __call__(self, *, wanted: NewOrder, cause: Cause) -> tuple[Order, bool]:
        """The order, and whether it was there before."""
        if before := await self.orders.led_to(wanted.once):
            return await known(self.orders, before), True
        try:
            order = await self._place(wanted, cause)
        except (
            Refusal
        ):  # a copy of the request may have been placed meanwhile, at another price or with the last credit
            if before := await self.orders.led_to(wanted.once):
                return await known(self.orders, before), True
            raise
        guard = wanted.once.led_to(order.order_id)
        await self.orders.add(order, guard=guard, events=[created(order)], cause=cause)
        return order, False

    async def _place(self, wanted: NewOrder, cause: Cause) -> Order:
        quantities = merged(wanted.items)
        currency, lines = priced(quantities, await self.catalog.products(quantities.keys()))
        credit = await self.orders.credit(wanted.customer_id) if wanted.use_credit else {}
        now = self.clock()
        order = place(
            order_id=self.ids("ord"),
            customer_id=wanted.customer_id,
            lines=lines,
            currency=currency,
            credit=credit.get(currency, 0),
            placed=Moment(what=OrderCreated.TYPE, at=rfc3339(now), by=cause.id),
            expires_at=rfc3339(now + self.expiry),
            reference=wanted.reference,
            shipping_address=wanted.shipping_address,
            metadata=wanted.metadata,
            trace=cause.traceparent,
        )
        if wanted.expected_total is not None and Money.parse(wanted.expected_total, order.currency) != order.total:
            raise TotalDiffers(
                f"the total is {order.total} {order.currency}, not {wanted.expected_total}: show it and ask again",
                extra={"total": str(order.total), "expectedTotal": wanted.expected_total, "currency": order.currency},
            )
        return order


def created(order: Order) -> OrderCreated:
    """What others are told of a new order."""
    lines = tuple(OrderedLine(product_id=line.product_id, quantity=line.quantity) for line in order.lines)
    return OrderCreated(order_id=order.order_id, customer_id=order.customer_id, lines=lines)
