"""Plays an order log through the HTTP API, and counts what came of it from what the API says."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from time import monotonic
from typing import TypeVar

import msgspec

from shop.entrypoints.control_totals import Report, Totals, differences
from shop.entrypoints.order_log import Log, Product, Return, Sale
from shop.entrypoints.remote_shop import Entry, Order, RemoteShop, Trouble
from shop.entrypoints.some_at_once import Progress, each, unseen
from shop.kernel.money import Money

T = TypeVar("T")

_STATUSES = ("pending", "confirmed", "completed", "cancelled")


async def play(log: Log, shops: Sequence[RemoteShop], *, at_once: int = 32, progress: Progress = unseen) -> Report:
    """Products, stock, orders, payments, refunds; then everything is read back. Done again, it adds nothing.

    The shops are servers on one store: each order goes to the next of them. `Failed` if one does not answer or does
    not know us.
    """
    run = Run(log=log, shops=shops, at_once=at_once, progress=progress)
    await run.stock()
    await run.each("orders placed", log.sales, run.place)
    return await run.settle()


@dataclass(slots=True, kw_only=True)
class Run:
    """One replay under way."""

    log: Log
    shops: Sequence[RemoteShop]
    at_once: int
    progress: Progress
    placed: dict[str, Order] = field(default_factory=dict)  # by invoice
    wanted: dict[str, Sale] = field(init=False)  # what is to be found in the end, by invoice
    points: dict[str, int] = field(default_factory=dict)  # by order id
    points_back: dict[str, int] = field(default_factory=dict)  # by order id
    troubles: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)  # that each phase took
    _turn: int = 0

    def __post_init__(self) -> None:
        self.wanted = {sale.reference: sale for sale in self.log.sales}

    @property
    def shop(self) -> RemoteShop:
        """The one that is asked what any could be asked."""
        return self.shops[0]

    def next_shops(self) -> tuple[RemoteShop, RemoteShop]:
        """The one whose turn was before, and the one whose turn it is: of several, two different ones."""
        self._turn += 1
        return self.shops[(self._turn - 1) % len(self.shops)], self.shops[self._turn % len(self.shops)]

    async def stock(self) -> None:
        """All products, and what is sold of them."""
        await self.each("products", list(self.log.products.values()), self.deliver)

    async def settle(self) -> Report:
        """The orders are paid and completed, points earned, goods given back; what all that came to."""
        placed = [sale for invoice, sale in self.wanted.items() if invoice in self.placed]
        await self.each("orders paid", placed, self.pay)
        await self.each("orders completed", placed, self.complete)
        await self.each("customers with points", self.customers(), self.await_points)
        await self.each("orders refunded", self.refunds(), self.refund)
        await self.each("customers without the points", self.customers(), self.await_reversals)
        sales, others = await self.read_back()
        wanted, took = list(self.wanted.values()), self.seconds
        wrong = [*differences(sales, wanted), *others]
        ordering = took["orders placed"]
        return Report(
            totals=Totals.of(sales),
            wanted=Totals.of(wanted),
            differences=[*wrong, *self.troubles] if wrong else [],
            remarks=[] if wrong else self.troubles,
            unmatched=[fault.message for fault in self.log.unmatched],
            points_after=took["customers with points"],
            rates={
                "products delivered": len(self.log.products) / took["products"],
                "orders placed": len(placed) / ordering,
                "orders placed, paid and completed": len(placed)
                / (ordering + took["orders paid"] + took["orders completed"]),
            },
        )

    async def each(
        self, phase: str, items: Sequence[T], step: Callable[[T], Awaitable[None]], *, at_once: int | None = None
    ) -> None:
        """The step for every item, some at once. What is refused or does not happen is noted; the others go on."""

        async def noted(item: T) -> None:
            try:
                await step(item)
            except Trouble as trouble:
                self.troubles.append(str(trouble))

        begun = monotonic()
        await each(items, noted, at_once=at_once or self.at_once, phase=phase, progress=self.progress)
        self.seconds[phase] = monotonic() - begun

    async def deliver(self, product: Product) -> None:
        """The product is in the catalog, and what this log sells of it on the shelf."""
        body = {
            "productId": product.id,
            "sku": product.id,
            "name": product.name,
            "category": "Replay",
            "basePrice": str(product.price),
            "currency": product.price.currency,
        }
        await self.shop.ask("POST", "/products", body=body, also_fine=409)
        await self.shop.ask(
            "POST",
            f"/products/{product.id}/stock",
            # By how many and not to how many: other orders may have reserved some of it.
            body={"delta": self.log.units[product.id], "reason": "delivery"},
            key=f"replay-{self.log.digest}-{product.id}",
        )

    async def place(self, sale: Sale) -> None:
        """The customer orders what the log says, at the prices of the log."""
        body = {
            "items": [{"productId": product, "quantity": quantity} for product, quantity in sale.lines.items()],
            "expectedTotal": str(sale.total),
            "reference": sale.reference,
        }
        key, (_, shop) = f"replay-{sale.reference}", self.next_shops()
        answer = await shop.ask("POST", "/orders", who=sale.customer, body=body, key=key)
        self.placed[sale.reference] = msgspec.json.decode(answer.content, type=Order)

    async def pay(self, sale: Sale) -> None:
        """The goods are reserved, then the payment provider says that it has the money."""
        order = await self._until(sale, "confirmed", "completed")
        if order.status == "confirmed":
            await self.shop.pay(order, payment=f"replay-{sale.reference}")

    async def complete(self, sale: Sale) -> None:
        """Reserved and paid, the order is completed."""
        await self._until(sale, "completed")

    def refunds(self) -> Sequence[Sequence[Return]]:
        """What comes back of each order, in the order of the log."""
        of: dict[str, list[Return]] = defaultdict(list)
        for one in self.log.returns:
            if one.reference in self.placed:
                of[one.reference].append(one)
        return list(of.values())

    async def refund(self, returns: Sequence[Return]) -> None:
        """The goods of an order that come back, and their money."""
        for one in returns:
            lines = [{"productId": id_, "quantity": n, "restock": True} for id_, n in one.lines.items()]
            path, key = f"/orders/{self.placed[one.reference].order_id}/refunds", f"replay-{one.note}-{one.reference}"
            await self.shop.ask("POST", path, body={"lines": lines}, key=key)

    def customers(self) -> Sequence[tuple[str, Sequence[Sale]]]:
        """Each customer, with the orders that were placed."""
        of: dict[str, list[Sale]] = defaultdict(list)
        for sale in self.wanted.values():
            if sale.reference in self.placed:
                of[sale.customer].append(sale)
        return list(of.items())

    async def await_points(self, customer: tuple[str, Sequence[Sale]]) -> None:
        """The customer's ledger shows the points that these orders earned."""
        name, sales = customer
        await self._await("earn", name, sum(sale.points for sale in sales), into=self.points)

    async def await_reversals(self, customer: tuple[str, Sequence[Sale]]) -> None:
        """The customer's ledger shows the points that refunds took back."""
        name, sales = customer
        if wanted := sum(sale.points_back for sale in sales):
            await self._await("reverse", name, wanted, into=self.points_back)

    async def _await(self, kind: str, name: str, wanted: int, *, into: dict[str, int]) -> None:
        ours = {order.order_id for order in self.placed.values()}

        async def look() -> bool | None:
            found: dict[str, int] = Counter()
            async for entry in self.shop.list(f"/rewards/{name}/ledger", of=Entry):
                if entry.kind == kind and entry.order_id is not None and entry.order_id in ours:
                    found[entry.order_id] += abs(entry.points)
            into.update(found)
            return True if sum(found.values()) >= wanted else None

        await self.shop.see(look, f"the ledger of customer {name} has not all it should have yet ({kind})")

    async def read_back(self) -> tuple[Sequence[Sale], Sequence[str]]:
        """The completed orders of this log, from the lists; and what is to be said of those in other states."""
        invoices = self.wanted.keys()
        found: list[Order] = []

        async def look() -> bool | None:
            found.clear()
            for status in _STATUSES:
                listed = self.shop.list("/orders", of=Order, status=status)
                found.extend([order async for order in listed if order.reference in invoices])
                self.progress("orders read back", min(len(found), len(invoices)), len(invoices))
            return True if len(found) >= len(self.placed) else None  # a list may lag behind for a moment

        try:
            await self.shop.see(look, "the lists of orders do not show all orders yet")
        except Trouble as trouble:
            self.troubles.append(str(trouble))
        done = [order for order in found if order.status == "completed"]
        others = [
            f"invoice {o.reference} is {o.status} ({o.reason or o.order_id})" for o in found if o.status != "completed"
        ]
        return [self._sale(order) for order in done], others

    def _sale(self, order: Order) -> Sale:
        lines: Counter[str] = Counter()
        for line in order.lines:
            lines[line.product_id] += line.quantity
        returned: Counter[str] = Counter()
        for refund in order.refunds:
            for back in refund.lines:
                returned[back.product_id] += back.quantity
        return Sale(
            reference=order.reference or "",
            customer=order.customer_id,
            lines=lines,
            prices={line.product_id: Money.parse(line.unit_price, order.currency) for line in order.lines},
            total=Decimal(order.total),
            points=self.points.get(order.order_id, 0),
            returned=returned,
            refunded=Decimal(order.refunded_total).quantize(Decimal(order.total)),
            points_back=self.points_back.get(order.order_id, 0),
        )

    async def _until(self, sale: Sale, *wanted: str) -> Order:
        order_id = self.placed[sale.reference].order_id

        async def look() -> Order | None:
            order = await self.shop.order(order_id, who=sale.customer)
            if order.status == "cancelled":
                raise Trouble(f"invoice {sale.reference} was cancelled: {order.reason}")
            return order if order.status in wanted else None

        return await self.shop.see(look, f"invoice {sale.reference} is not {wanted[0]} yet")
