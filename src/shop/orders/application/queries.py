"""Reading orders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shop.kernel.errors import Invalid, NotFound
from shop.orders.application.ports import Orders, Payment
from shop.orders.domain.order import Order

_MOST_PAGES_READ = 5


class NoSuchOrder(NotFound):
    """No order with this id, or one of somebody else."""

    code = "no-such-order"


class NoSuchCustomer(NotFound):
    """No such customer, or somebody else."""

    code = "no-such-customer"


class WhoseOrders(Invalid):
    """Staff must say whose orders, or in which status."""

    code = "whose-orders"


async def known(orders: Orders, order_id: str) -> Order:
    """The order; `NoSuchOrder` if there is none."""
    order = await orders.get(order_id)
    if order is None:
        raise NoSuchOrder("there is no such order")
    return order


async def owned(orders: Orders, order_id: str, of_customer: str | None) -> Order:
    """The order; somebody else's is not there. `of_customer=None`: anybody's."""
    order = await known(orders, order_id)
    if of_customer is not None and order.customer_id != of_customer:
        raise NoSuchOrder("there is no such order")
    return order


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOrders:
    """Orders, for those who may see them."""

    orders: Orders

    async def one(self, *, order_id: str, of_customer: str | None) -> Order:
        """The order; somebody else's is not there. `of_customer=None`: anybody's."""
        return await owned(self.orders, order_id, of_customer)

    async def payments(self, *, order_id: str, after: str | None, limit: int) -> tuple[list[Payment], str | None]:
        """What the provider told of an order's payments, refused ones too, in the order in which it did."""
        await known(self.orders, order_id)
        return await self.orders.payments(order_id, after=after, limit=limit)

    async def credit(self, customer_id: str) -> Mapping[str, int]:
        """What a customer can use on orders: currency → minor units."""
        return await self.orders.credit(customer_id)

    async def page(
        self, *, of_customer: str | None, status: str | None, after: str | None, limit: int
    ) -> tuple[list[Order], str | None]:
        """A page, newest first: a customer's, or everybody's in a status; `WhoseOrders` if neither is said."""
        if of_customer is None:
            if status is None:
                raise WhoseOrders("say which orders: ?status=… or ?customerId=…")
            return await self.orders.in_status(status, after=after, limit=limit)
        if status is None:
            return await self.orders.of_customer(of_customer, after=after, limit=limit)
        return await self._filtered(of_customer, status, after, limit)

    async def _filtered(
        self, customer_id: str, status: str, after: str | None, limit: int
    ) -> tuple[list[Order], str | None]:
        found: list[Order] = []
        for _ in range(_MOST_PAGES_READ):
            page, after = await self.orders.of_customer(customer_id, after=after, limit=limit - len(found))
            found += [order for order in page if order.status == status]
            if after is None or len(found) >= limit:
                break
        return found, after
