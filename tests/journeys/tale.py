"""A story told to a shop as people's commands, through the acts, each on fresh products, customers and orders."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count

from shop.catalog.domain.price import Price
from shop.entrypoints.monolith import Shop
from shop.kernel.events import Cause
from shop.kernel.idempotency import Once
from shop.kernel.money import Money
from shop.orders.application.create_order import NewOrder
from shop.orders.domain.refund import RefundedLine

_runs = count()


@dataclass
class Tale:
    """One telling of a story: fresh products, customers and orders in a shop that other tellings have used too."""

    shop: Shop
    settled: Callable[[], Awaitable[None]]
    later: Callable[[timedelta], None]
    orders: dict[str, str] = field(default_factory=dict)
    customers: dict[str, str] = field(default_factory=dict)
    products: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        self.run = next(_runs)
        self.causes = count()

    def cause(self):
        return Cause(id=f"req_{self.run}_{next(self.causes)}")

    async def shelf(self, name, *, on_hand, price=1000):
        product = self.products[name] = f"{name}-{self.run}"
        await self.shop.catalog.import_product()(
            product_id=product,
            details={"sku": product, "name": name, "category": "Home"},
            price=Price(Money(price, "EUR")),
            on_hand=on_hand,
            who="clerk",
            cause=self.cause(),
        )

    async def order(self, name, who, *items, use_credit=False):
        customer = self.customers.setdefault(who, f"{who}-{self.run}")
        wanted = NewOrder(
            customer_id=customer,
            items=[(self.products[product], quantity) for product, quantity in items],
            once=self.once(customer, "create-order", name),
            use_credit=use_credit,
        )
        order, _ = await self.shop.orders.create_order()(wanted=wanted, cause=self.cause())
        self.orders[name] = order.order_id

    async def pay(self, name, payment="p1", status="completed"):
        order = await self.shop.orders.orders().get(self.orders[name])
        if order.to_pay.minor:
            await self.shop.orders.take_payment()(
                payment_id=f"{name}.{payment}.{self.run}",
                order_id=order.order_id,
                amount=str(order.to_pay),
                currency="EUR",
                status=status,
                cause=self.cause(),
            )

    async def cancel(self, name, reason="customer"):
        await self.shop.orders.cancel_order()(
            order_id=self.orders[name], of_customer=None, reason=reason, cause=self.cause()
        )

    async def refund(self, name, key, wanted):
        if not isinstance(wanted, str):
            wanted = [RefundedLine(product_id=self.products[p], quantity=n, restock=True) for p, n in wanted]
        once = self.once("clerk", "refund-order", f"{name}.{key}")
        await self.shop.orders.refund_order()(order_id=self.orders[name], wanted=wanted, once=once, cause=self.cause())

    async def redeem(self, who, points, key="r1"):
        customer = self.customers[who]
        once = self.once(customer, "redeem", key)
        await self.shop.rewards.redeem_points()(customer_id=customer, points=points, once=once, cause=self.cause())

    async def expire(self):
        await self.shop.orders.expire_orders()(cause=self.cause())

    def once(self, who, what, key):
        return Once(key=f"{who}/{what}/{self.run}/{key}", fingerprint="f")
