"""Bring a product to what a file says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shop.catalog.application import announcements
from shop.catalog.application.ports import Products
from shop.catalog.application.set_price import price_entry
from shop.catalog.domain.price import Price
from shop.catalog.domain.product import Details, Product
from shop.catalog.domain.stock import Movement, wanted_delta
from shop.kernel.clock import Clock
from shop.kernel.events import Cause, Event
from shop.kernel.ids import Ids

Outcome = Literal["created", "changed", "unchanged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportProduct:
    """Create or change a product and its price, and set what is on hand, all in one. Again, it changes nothing."""

    products: Products
    clock: Clock
    ids: Ids

    async def __call__(
        self, *, product_id: str, details: Details, price: Price, on_hand: int | None, who: str, cause: Cause
    ) -> Outcome:
        """Details that are left out stay; `on_hand=None` leaves the stock alone."""
        now = self.clock()
        before = await self.products.get(product_id)
        if before is None:
            after = Product.create(product_id=product_id, details=details, price=price, at=now)
        else:
            after = before.change(details, at=now).reprice(price, at=now)
        stock = await self.products.stock(product_id)
        delta = 0 if on_hand is None else wanted_delta(stock, delta=None, on_hand=on_hand, reason="import")
        if after is before and not delta:
            return "unchanged"

        turned = stock.in_stock != stock.moved(delta).in_stock
        repriced = before is None or before.price != after.price
        await self.products.bring(
            product=None if after is before else after,
            price=price_entry(after, entry_id=self.ids("prc"), at=now, who=who) if repriced else None,
            movement=Movement(
                product_id=product_id,
                movement_id=self.ids("mov"),
                delta=delta,
                counted=on_hand,
                reason="import",
                who=who,
                at=now,
            )
            if delta
            else None,
            counted=stock,
            events=_events(before, after, turned=turned),
            cause=cause,
        )
        return "changed" if before else "created"


def _events(before: Product | None, after: Product, *, turned: bool) -> list[Event]:
    if before is None:
        return [announcements.created(after)]
    return announcements.differences(before, after, turned=turned)
