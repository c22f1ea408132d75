"""What may be sent to catalog over HTTP."""

from typing import Any, Literal, cast

import msgspec
from msgspec import UNSET, UnsetType

from shop.catalog.domain.price import DiscountAboveBase, NegativePrice, Price
from shop.catalog.domain.product import Details, NotACategory, TextNotFit, TooManyAttributes
from shop.kernel.money import NotMoney
from shop.platform.answers import Habit

DETAILS_REFUSED = Habit(refusals=(TextNotFit, NotACategory, TooManyAttributes))
PRICES_REFUSED = Habit(refusals=(NotMoney, NegativePrice, DiscountAboveBase))


class NewPrice(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The whole price: without `discountedPrice` there is no discount."""

    base_price: str
    discounted_price: str | None = None
    currency: str

    def price(self) -> Price:
        """The price, if these are amounts of the currency."""
        return Price.parse(base=self.base_price, discounted=self.discounted_price, currency=self.currency)


class NewProduct(NewPrice, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A product to be listed; its stock is moved apart from it."""

    product_id: str
    sku: str
    name: str
    description: str = ""
    category: str
    supplier_id: str | None = None
    warehouse_location: str | None = None
    group_id: str | None = None
    attributes: dict[str, Any] = {}

    def details(self) -> Details:
        """All of it but the id and the price."""
        return Details(
            sku=self.sku,
            name=self.name,
            description=self.description,
            category=self.category,
            supplier_id=self.supplier_id,
            warehouse_location=self.warehouse_location,
            group_id=self.group_id,
            attributes=self.attributes,
        )


class ProductChange(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What is to be different: what is left out stays, `null` takes away, `attributes` are replaced as a whole."""

    sku: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    category: str | UnsetType = UNSET
    supplier_id: str | UnsetType | None = UNSET
    warehouse_location: str | UnsetType | None = UNSET
    group_id: str | UnsetType | None = UNSET
    attributes: dict[str, Any] | UnsetType = UNSET
    status: Literal["active", "archived"] | UnsetType = UNSET

    def details(self) -> Details:
        """What was sent."""
        sent = {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not UNSET}
        return cast("Details", sent)


class NewMovement(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Either `delta`, or the `onHand` that was counted; and why."""

    delta: int | None = None
    on_hand: int | None = None
    reason: str
