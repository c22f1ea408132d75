"""What catalog gives: its events, the views others may read, and the tags its answers are cached under."""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate
from typing import Any, ClassVar
from urllib.parse import quote

import msgspec

from shop.kernel.events import Event


class PriceView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a product costs: decimals in its currency. Who buys pays the discounted price, if there is one."""

    base_price: str
    discounted_price: str | None = None
    currency: str


class ProductCreated(Event, frozen=True, kw_only=True):
    """A product was listed."""

    TYPE: ClassVar = "product.created"
    ABOUT: ClassVar = "product_id"

    product_id: str
    sku: str
    category: str
    group_id: str | None = None
    price: PriceView


class ProductUpdated(Event, frozen=True, kw_only=True):
    """Something of a product is different: `changed` are names of `ProductView`, `inStock` among them."""

    TYPE: ClassVar = "product.updated"
    ABOUT: ClassVar = "product_id"

    product_id: str
    sku: str
    changed: tuple[str, ...]
    old_category: str
    new_category: str
    group_id: str | None = None


class ProductPriceChanged(Event, frozen=True, kw_only=True):
    """A product costs something else from now on."""

    TYPE: ClassVar = "product.price.changed"
    ABOUT: ClassVar = "product_id"

    product_id: str
    sku: str
    category: str
    old: PriceView
    new: PriceView


class StockReserved(Event, frozen=True, kw_only=True):
    """Every line of an order is set aside for it."""

    TYPE: ClassVar = "stock.reserved"
    ABOUT: ClassVar = "order_id"

    order_id: str


class ShortLine(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """More was wanted of a product than there was."""

    product_id: str
    wanted: int
    available: int


class StockRejected(Event, frozen=True, kw_only=True):
    """Nothing is set aside for an order, because these lines were short."""

    TYPE: ClassVar = "stock.rejected"
    ABOUT: ClassVar = "order_id"

    order_id: str
    short: tuple[ShortLine, ...]


class ProductView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A product as anyone sees it. `stockQuantity` is what can still be ordered."""

    product_id: str
    sku: str
    name: str
    description: str
    category: str
    base_price: str
    discounted_price: str | None = None
    currency: str
    in_stock: bool
    stock_quantity: int
    supplier_id: str | None = None
    warehouse_location: str | None = None
    group_id: str | None = None
    attributes: dict[str, Any]
    status: str
    version: int
    updated_at: str


class ProductPage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of products; `nextCursor` asks for the next."""

    data: tuple[ProductView, ...]
    next_cursor: str | None


class StockView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The counters of a product: `onHand` is in the house, of which `reserved` is set aside for orders."""

    product_id: str
    on_hand: int
    available: int
    reserved: int
    sold: int
    version: int


class PriceEntryView(PriceView, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A price of a product that holds, or held, from `at` on until the next one; `who` set it."""

    at: str
    who: str


class PricePage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of a product's prices, newest first; `nextCursor` asks for the next."""

    data: tuple[PriceEntryView, ...]
    next_cursor: str | None


class MovementView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What staff put in or, below zero, took out. `counted`: what was on hand then, where somebody counted it.

    How many were on hand after another movement nobody knows: orders take goods out beside it.
    """

    movement_id: str
    delta: int
    counted: int | None = None
    reason: str
    who: str
    at: str


class MovementPage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of a product's stock movements, newest first; `nextCursor` asks for the next."""

    data: tuple[MovementView, ...]
    next_cursor: str | None


ALL_PRODUCTS_TAG = "products:all"  # of answers on which any newcomer may appear: every search
IN_STOCK_TAG = "in-stock"


def tag(kind: str, name: str) -> str:
    """`"sku", "A, B"` → `sku:A%2C%20B`: safe in the comma-separated `Cache-Tags`."""
    return f"{kind}:{quote(name, safe='/@')}"


@lru_cache(maxsize=4096)
def category_tags(category: str) -> tuple[str, ...]:
    """One per prefix of the path: `A/B` → `category:A`, `category:A/B`."""
    return tuple(tag("category", path) for path in accumulate(category.split("/"), "{}/{}".format))
