"""What a product cost, and what was done to its stock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shop.catalog.application.ports import Histories, Products
from shop.catalog.application.refusals import found
from shop.catalog.domain.price import PriceEntry
from shop.catalog.domain.stock import Movement


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadHistories:
    """Prices and stock movements of a product, archived or not; `ProductNotFound` if there is none."""

    products: Products
    histories: Histories

    async def prices(
        self, product_id: str, *, after: str | None, limit: int
    ) -> tuple[Sequence[PriceEntry], str | None]:
        """A page, newest first, and where the next one begins."""
        found(await self.products.get(product_id), product_id)
        return await self.histories.prices(product_id, until=None, after=after, limit=limit)

    async def price_at(self, product_id: str, moment: datetime) -> Sequence[PriceEntry]:
        """The price that held at that moment; none before the product had one."""
        found(await self.products.get(product_id), product_id)
        held, _ = await self.histories.prices(product_id, until=moment, after=None, limit=1)
        return held

    async def movements(
        self, product_id: str, *, after: str | None, limit: int
    ) -> tuple[Sequence[Movement], str | None]:
        """A page, newest first, and where the next one begins."""
        found(await self.products.get(product_id), product_id)
        return await self.histories.movements(product_id, after=after, limit=limit)
