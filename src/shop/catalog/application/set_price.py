"""Set what a product costs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shop.catalog.application.announcements import differences
from shop.catalog.application.ports import Products
from shop.catalog.application.refusals import found, unmoved
from shop.catalog.domain.price import Price, PriceEntry
from shop.catalog.domain.product import Product
from shop.kernel.clock import Clock
from shop.kernel.events import Cause
from shop.kernel.ids import Ids


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPrice:
    """Set the whole price from now on, and keep what it was."""

    products: Products
    clock: Clock
    ids: Ids

    async def __call__(self, *, product_id: str, version: int | None, price: Price, who: str, cause: Cause) -> Product:
        """The product as it is stored; nothing is written if that is its price."""
        before = unmoved(found(await self.products.get(product_id), product_id), version)
        now = self.clock()
        after = before.reprice(price, at=now)
        if after is before:
            return before
        entry = price_entry(after, entry_id=self.ids("prc"), at=now, who=who)
        return await self.products.save(product=after, price=entry, events=differences(before, after), cause=cause)


def price_entry(product: Product, *, entry_id: str, at: datetime, who: str) -> PriceEntry:
    """The product's price as a line of its history."""
    return PriceEntry(
        product_id=product.product_id,
        entry_id=entry_id,
        base_price=product.base_price,
        discounted_price=product.discounted_price,
        currency=product.currency,
        at=at,
        who=who,
    )
