"""A product as its owner describes and prices it. How many there are is `stock.py`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, TypedDict

from shop.catalog.domain.price import Price
from shop.kernel.errors import Invalid
from shop.kernel.money import Money

Status = Literal["active", "archived"]

LONGEST_TEXT = 200  # characters
LONGEST_CATEGORY = 400  # bytes of UTF-8
LONGEST_DESCRIPTION = 64 * 1024  # bytes of UTF-8
MOST_ATTRIBUTES = 32 * 1024  # bytes of JSON

_PRODUCT_ID = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._~@-]{1,100}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class NotAProductId(Invalid):
    """An id that would not stand in an address as it is."""

    code = "not-a-product-id"


class TextNotFit(Invalid):
    """A text that is empty, too long or has control characters in it."""

    code = "text-not-fit"


class NotACategory(Invalid):
    """A category that is no path."""

    code = "not-a-category"


class TooManyAttributes(Invalid):
    """Attributes that are too large, or no JSON."""

    code = "too-many-attributes"


class Details(TypedDict, total=False):
    """What can be said of a product and changed later, apart from its price. What is left out stays."""

    sku: str
    name: str
    description: str
    category: str
    supplier_id: str | None
    warehouse_location: str | None
    group_id: str | None
    attributes: dict[str, Any]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """Amounts are minor units of `currency`; `category` is a path `A/B/C`; variants of one article share `group_id`."""

    product_id: str
    sku: str
    name: str
    description: str = ""
    category: str
    base_price: int
    discounted_price: int | None = None
    currency: str
    supplier_id: str | None = None
    warehouse_location: str | None = None
    group_id: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    status: Status = "active"
    updated_at: datetime
    version: int = 0

    @classmethod
    def create(cls, *, product_id: str, details: Details, price: Price, at: datetime) -> Product:
        """A new product; refused by the first rule it breaks."""
        return _checked(cls(product_id=product_id, updated_at=at, **_amounts(price), **details))

    @property
    def price(self) -> Price:
        """What it costs now."""
        discounted = self.discounted_price
        return Price(
            Money(self.base_price, self.currency), None if discounted is None else Money(discounted, self.currency)
        )

    @property
    def archived(self) -> bool:
        """No longer listed; still to be had by its id."""
        return self.status == "archived"

    def change(self, details: Details, *, at: datetime) -> Product:
        """The product with these details; itself if they are what it has."""
        after = _checked(replace(self, **details))
        return replace(after, updated_at=at) if self.details_unlike(after) else self

    def details_unlike(self, other: Product) -> tuple[str, ...]:
        """The names of the details in which the two differ. JSON's `1`, `1.0` and `true` are three values."""
        return tuple(
            name
            for name in Details.__annotations__
            if (mine := getattr(self, name)) != (its := getattr(other, name))
            or (name == "attributes" and _json(mine) != _json(its))
        )

    def reprice(self, price: Price, *, at: datetime) -> Product:
        """The product at this price; itself if that is its price."""
        after = replace(self, **_amounts(price))
        return self if after == self else replace(after, updated_at=at)


def _json(attributes: dict[str, Any]) -> str:
    return json.dumps(attributes, ensure_ascii=False, sort_keys=True)


def _amounts(price: Price) -> Mapping[str, Any]:
    return {
        "base_price": price.base.minor,
        "discounted_price": None if price.discounted is None else price.discounted.minor,
        "currency": price.base.currency,
    }


def _checked(product: Product) -> Product:
    for rule in _RULES:
        rule(product)
    return product


def _id_stands_in_an_address(product: Product) -> None:
    if not _PRODUCT_ID.fullmatch(product.product_id):
        detail = "is not 1 to 100 of the characters A-Z a-z 0-9 . _ ~ @ -"
        raise NotAProductId(
            f"the product id {product.product_id[:100]!r} {detail}", errors=[{"field": "productId", "message": detail}]
        )


def _needed_texts_fit(product: Product) -> None:
    for name, text in (("name", product.name), ("sku", product.sku)):
        if not text.strip():
            raise _not_fit(name, "is empty")
        _fits(name, text)


def _optional_texts_fit(product: Product) -> None:
    _fits("supplierId", product.supplier_id or "")
    _fits("warehouseLocation", product.warehouse_location or "")
    _fits("groupId", product.group_id or "")
    if len(product.description.encode()) > LONGEST_DESCRIPTION:
        raise _not_fit("description", f"is longer than {LONGEST_DESCRIPTION} bytes")


def _category_is_a_path(product: Product) -> None:
    parts = product.category.split("/")
    if any(part != part.strip() or not part for part in parts) or _CONTROL.search(product.category):
        detail = "is no path like Tools/Saws"
    elif len(product.category.encode()) > LONGEST_CATEGORY:
        detail = f"is longer than {LONGEST_CATEGORY} bytes"
    else:
        return
    raise NotACategory(f"the category {detail}", errors=[{"field": "category", "message": detail}])


def _attributes_are_bounded(product: Product) -> None:
    try:
        size = len(_json(product.attributes).encode())
    except RecursionError:
        size = MOST_ATTRIBUTES + 1
    if size > MOST_ATTRIBUTES:
        detail = f"are more than {MOST_ATTRIBUTES} bytes, or nested too deeply"
        raise TooManyAttributes(f"the attributes {detail}", errors=[{"field": "attributes", "message": detail}])


_RULES: tuple[Callable[[Product], None], ...] = (
    _id_stands_in_an_address,
    _needed_texts_fit,
    _optional_texts_fit,
    _category_is_a_path,
    _attributes_are_bounded,
)


def _fits(field: str, text: str) -> None:
    if len(text) > LONGEST_TEXT:
        raise _not_fit(field, f"is longer than {LONGEST_TEXT} characters")
    if _CONTROL.search(text):
        raise _not_fit(field, "has control characters in it")


def _not_fit(field: str, detail: str) -> TextNotFit:
    return TextNotFit(f"{field} {detail}", errors=[{"field": field, "message": detail}])
