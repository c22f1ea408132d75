"""Take a product off the lists."""

from __future__ import annotations

from dataclasses import dataclass

from shop.catalog.application.change_product import ChangeProduct
from shop.catalog.domain.product import Product
from shop.kernel.events import Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveProduct:
    """Take a product off lists and searches. It keeps its id, its history and its stock, and can come back."""

    change: ChangeProduct

    async def __call__(self, *, product_id: str, version: int | None, cause: Cause) -> Product:
        """The archived product; nothing is written if it was one."""
        return await self.change(product_id=product_id, version=version, details={"status": "archived"}, cause=cause)
