"""Change what is said of a product."""

from __future__ import annotations

from dataclasses import dataclass

from shop.catalog.application.announcements import differences
from shop.catalog.application.ports import Products
from shop.catalog.application.refusals import found, unmoved
from shop.catalog.domain.product import Details, Product
from shop.kernel.clock import Clock
from shop.kernel.events import Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeProduct:
    """Change some details; the rest stays, the id and the price always do."""

    products: Products
    clock: Clock

    async def __call__(self, *, product_id: str, version: int | None, details: Details, cause: Cause) -> Product:
        """The product as it is stored; nothing is written if nothing is different."""
        before = unmoved(found(await self.products.get(product_id), product_id), version)
        after = before.change(details, at=self.clock())
        if after is before:
            return before
        return await self.products.save(product=after, price=None, events=differences(before, after), cause=cause)
