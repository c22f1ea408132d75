"""What can be asked of the catalog."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from shop.catalog.application.ports import Products
from shop.catalog.application.refusals import found
from shop.catalog.domain.product import Product
from shop.catalog.domain.stock import Stock
from shop.kernel.errors import Invalid

MOST_IDS = 100
_LONGEST_SEARCH = 200  # characters

Listed = tuple[Product, Stock]


class TooManyIds(Invalid):
    """More products than can be asked for at once."""

    code = "too-many-ids"


class NothingToSearch(Invalid):
    """A search without a word, or with too long a text."""

    code = "nothing-to-search"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A page of products with their stock; `after` asks for the next."""

    listed: Sequence[Listed]
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductQueries:
    """Products with their stock; archived ones by id only."""

    products: Products

    async def one(self, product_id: str) -> Listed:
        """`ProductNotFound` if there is none."""
        product, stock = await self.products.get_with_stock(product_id)
        return found(product, product_id), stock

    async def many(self, product_ids: Sequence[str]) -> Listing:
        """Those of at most 100 that exist, in the order they were asked for."""
        asked = tuple(dict.fromkeys(product_ids))
        if len(asked) > MOST_IDS:
            raise TooManyIds(f"{len(asked)} ids; {MOST_IDS} at most")
        products = await self.products.get_many(asked)
        return await self._with_stock([products[product_id] for product_id in asked if product_id in products], None)

    async def in_category(self, category: str, *, after: str | None, limit: int) -> Listing:
        """Of the category and of those below it."""
        page = await self.products.in_category(category, after=after, limit=limit)
        return await self._with_stock(page.products, page.after)

    async def in_group(self, group_id: str, *, after: str | None, limit: int) -> Listing:
        """The variants of one article."""
        page = await self.products.in_group(group_id, after=after, limit=limit)
        return await self._with_stock(page.products, page.after)

    async def with_sku(self, sku: str, *, after: str | None, limit: int) -> Listing:
        """Those that have this SKU: nothing keeps two from having the same."""
        page = await self.products.with_sku(sku, after=after, limit=limit)
        return await self._with_stock(page.products, page.after)

    async def search(self, text: str, *, after: str | None, limit: int) -> Listing:
        """With every word of the text in name, sku, vendor, category or tags; best first."""
        if not text.strip() or len(text) > _LONGEST_SEARCH:
            raise NothingToSearch(f"write 1 to {_LONGEST_SEARCH} characters to search for")
        page = await self.products.search(text, after=after, limit=limit)
        return await self._with_stock(page.products, page.after)

    async def every_one(self) -> AsyncIterator[Sequence[Listed]]:
        """All products by id, archived ones too, some at a time: each lot as it is at the moment it is read."""
        some: list[Product] = []
        async for product in self.products.every_product():
            some.append(product)
            if len(some) == MOST_IDS:
                yield (await self._with_stock(some, None)).listed
                some = []
        yield (await self._with_stock(some, None)).listed

    async def stock(self, product_id: str) -> Stock:
        """The counters; `ProductNotFound` if there is no such product."""
        found(await self.products.get(product_id), product_id)
        return await self.products.stock(product_id)

    async def _with_stock(self, products: Sequence[Product], after: str | None) -> Listing:
        stocks = await self.products.stocks([product.product_id for product in products])
        return Listing(listed=[(product, stocks[product.product_id]) for product in products], after=after)
