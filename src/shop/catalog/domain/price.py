"""What a product costs, and what it cost before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shop.kernel.errors import Invalid
from shop.kernel.money import Money


class NegativePrice(Invalid):
    """Nobody is paid for taking a product."""

    code = "negative-price"


class DiscountAboveBase(Invalid):
    """A discounted price that is no discount."""

    code = "discount-above-base"


@dataclass(frozen=True, slots=True)
class Price:
    """A base price, and perhaps a lower one that holds instead. One currency."""

    base: Money
    discounted: Money | None = None

    def __post_init__(self) -> None:
        for field, money in (("basePrice", self.base), ("discountedPrice", self.discounted)):
            if money is not None and money.minor < 0:
                raise NegativePrice(f"{money} is below zero", errors=[{"field": field, "message": "is below zero"}])
        if self.discounted is not None and self.base < self.discounted:
            raise DiscountAboveBase(
                f"the discounted price {self.discounted} is above the base price {self.base}",
                errors=[{"field": "discountedPrice", "message": "is above basePrice"}],
            )

    @classmethod
    def parse(cls, *, base: str, discounted: str | None, currency: str) -> Price:
        """Read decimals: `"29.99", "19.99", "EUR"`."""
        return cls(Money.parse(base, currency), None if discounted is None else Money.parse(discounted, currency))


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceEntry:
    """A line of the price history: the price from this moment on, in minor units, and who set it."""

    product_id: str
    entry_id: str
    base_price: int
    discounted_price: int | None
    currency: str
    at: datetime
    who: str
