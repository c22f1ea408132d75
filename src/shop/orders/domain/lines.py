"""What is ordered: so many of one product, each product in one line, at the prices of now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shop.kernel.errors import Invalid
from shop.kernel.money import MOST

MOST_LINES = 1500
MOST_QUANTITY = 1_000_000


class NothingOrdered(Invalid):
    """An order without lines."""

    code = "nothing-ordered"


class TooManyLines(Invalid):
    """More lines than one order can have."""

    code = "too-many-lines"


class WrongQuantity(Invalid):
    """A quantity that is not a whole number from 1 to a million."""

    code = "wrong-quantity"


class MixedCurrencies(Invalid):
    """Products priced in different currencies in one order."""

    code = "mixed-currencies"


class UnknownProducts(Invalid):
    """Products that the catalog does not sell."""

    code = "unknown-products"


class TotalTooLarge(Invalid):
    """A total beyond what an amount may be."""

    code = "total-too-large"


@dataclass(frozen=True, slots=True)
class ProductInfo:
    """What orders knows of a product; `price` is in minor units."""

    product_id: str
    name: str
    price: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """So many of one product, at the price of the moment of ordering (minor units)."""

    product_id: str
    name: str
    quantity: int
    price: int

    @property
    def total(self) -> int:
        """Minor units; whole by nature, so nothing is rounded."""
        return self.price * self.quantity


def merged(items: Iterable[tuple[str, int]]) -> dict[str, int]:
    """`{product id: quantity}`: lines of the same product added up, before any other check."""
    quantities: dict[str, int] = {}
    for index, (product_id, quantity) in enumerate(items):
        sum_so_far = quantities.get(product_id, 0) + quantity
        if quantity < 1 or sum_so_far > MOST_QUANTITY:
            where, message = f"items[{index}].quantity", f"must be a whole number from 1 to {MOST_QUANTITY}"
            raise WrongQuantity(f"{where} {message}", errors=[{"field": where, "message": message}])
        quantities[product_id] = sum_so_far
    if not quantities:
        raise NothingOrdered("an order needs at least one item", errors=[{"field": "items", "message": "is empty"}])
    if len(quantities) > MOST_LINES:
        raise TooManyLines(f"{len(quantities)} different products; {MOST_LINES} at most in one order")
    return quantities


def priced(quantities: Mapping[str, int], products: Mapping[str, ProductInfo]) -> tuple[str, tuple[Line, ...]]:
    """The lines and their one currency."""
    unknown = [product_id for product_id in quantities if product_id not in products]
    if unknown:
        raise UnknownProducts(f"no such product: {', '.join(unknown[:10])}", extra={"productIds": unknown[:100]})
    currency, *others = sorted({products[product_id].currency for product_id in quantities})
    if others:
        raise MixedCurrencies(f"an order has one currency; these products have {', '.join([currency, *others])}")
    lines = tuple(
        Line(product_id=product_id, name=products[product_id].name, quantity=n, price=products[product_id].price)
        for product_id, n in quantities.items()
    )
    if sum(line.total for line in lines) > MOST:
        raise TotalTooLarge("the total is beyond what an amount may be: order less")
    return currency, lines
