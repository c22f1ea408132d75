"""List a product."""

from __future__ import annotations

from dataclasses import dataclass

from shop.catalog.application import announcements
from shop.catalog.application.ports import Products
from shop.catalog.application.refusals import ProductExists
from shop.catalog.application.set_price import price_entry
from shop.catalog.domain.price import Price
from shop.catalog.domain.product import Details, Product
from shop.kernel.clock import Clock
from shop.kernel.events import Cause
from shop.kernel.ids import Ids


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateProduct:
    """List a product under the id its owner gave it; `ProductExists` if that is taken."""

    products: Products
    clock: Clock
    ids: Ids

    async def __call__(self, *, product_id: str, details: Details, price: Price, who: str, cause: Cause) -> Product:
        """The product as it is stored."""
        now = self.clock()
        product = Product.create(product_id=product_id, details=details, price=price, at=now)
        if await self.products.get(product_id):
            raise ProductExists(f"there is a product {product_id!r} already")
        entry = price_entry(product, entry_id=self.ids("prc"), at=now, who=who)
        return await self.products.save(
            product=product, price=entry, events=[announcements.created(product)], cause=cause
        )
