"""The catalog as orders sees it: an anti-corruption layer (seed «Anti-Corruption Layer»).

It decodes into a struct of its own with just the fields orders needs, so that nothing else of the catalog's can
break orders, and keeps its own frozen type.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

import msgspec

from shop.kernel.money import Money
from shop.orders.application.ports import CatalogUnavailable, NotForgotten
from shop.orders.domain.lines import ProductInfo
from shop.platform.http.answer import OriginUnavailable
from shop.platform.http.collected import Collected
from shop.platform.http.second_layer import LayerUnavailable

if TYPE_CHECKING:
    from shop.platform.http.client import Client

_TRY_AGAIN = 5  # seconds, where nobody knows better


class _CatalogProduct(msgspec.Struct, frozen=True, rename="camel"):
    product_id: str
    name: str
    base_price: str
    currency: str
    discounted_price: str | None = None
    status: str = "active"


def _translate(product: _CatalogProduct) -> tuple[str, ProductInfo | None]:
    if product.status != "active":
        return product.product_id, None
    price = Money.parse(product.discounted_price or product.base_price, product.currency)
    return product.product_id, ProductInfo(product.product_id, product.name, price.minor, price.currency)


_PRODUCTS = Collected(path="/products", wire=_CatalogProduct, translate=_translate, tag="product")


@dataclass(frozen=True, slots=True)
class CatalogClient:
    """Asks the catalog over HTTP, in one process or across a network."""

    client: Client

    async def products(self, product_ids: Collection[str]) -> Mapping[str, ProductInfo]:
        """Those of the products that are for sale. `CatalogUnavailable` if nobody can tell."""
        try:
            found = await self.client.get_many(_PRODUCTS, product_ids)
        except OriginUnavailable as error:
            again = ceil(error.retry_after) or _TRY_AGAIN
            raise CatalogUnavailable("the catalog does not answer: try again", retry_after=again) from error
        return {product_id: product for product_id, product in found.items() if product is not None}

    async def forget(self, tags: Collection[str]) -> None:
        """What is remembered under these tags no longer holds. `NotForgotten` if others still may."""
        try:
            await self.client.invalidate(tags)
        except LayerUnavailable as error:
            raise NotForgotten("redis does not answer: try again", retry_after=_TRY_AGAIN) from error
