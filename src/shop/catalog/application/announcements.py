"""What catalog says about its products."""

from __future__ import annotations

from shop.catalog.contract import PriceView, ProductCreated, ProductPriceChanged, ProductUpdated
from shop.catalog.domain.price import Price
from shop.catalog.domain.product import Product
from shop.kernel.events import Event

_SEEN = {
    "sku": "sku",
    "name": "name",
    "description": "description",
    "category": "category",
    "supplier_id": "supplierId",
    "warehouse_location": "warehouseLocation",
    "group_id": "groupId",
    "attributes": "attributes",
    "status": "status",
}  # of `Details` -> its name in `ProductView`


def created(product: Product) -> ProductCreated:
    """A product was listed."""
    return ProductCreated(
        product_id=product.product_id,
        sku=product.sku,
        category=product.category,
        group_id=product.group_id,
        price=price_view(product.price),
    )


def differences(before: Product, after: Product, *, turned: bool = False) -> list[Event]:
    """What is to be said of a change; `turned`: it went in or out of stock too."""
    changed = [_SEEN[name] for name in before.details_unlike(after)]
    events: list[Event] = []
    if changed or turned:
        events.append(_updated(before, after, (*changed, "inStock") if turned else tuple(changed)))
    if before.price != after.price:
        events.append(
            ProductPriceChanged(
                product_id=after.product_id,
                sku=after.sku,
                category=after.category,
                old=price_view(before.price),
                new=price_view(after.price),
            )
        )
    return events


def in_stock_turned(product: Product) -> ProductUpdated:
    """A product went in or out of stock."""
    return _updated(product, product, ("inStock",))


def price_view(price: Price) -> PriceView:
    """A price as it is told."""
    return PriceView(
        base_price=str(price.base),
        discounted_price=None if price.discounted is None else str(price.discounted),
        currency=price.base.currency,
    )


def _updated(before: Product, after: Product, changed: tuple[str, ...]) -> ProductUpdated:
    return ProductUpdated(
        product_id=after.product_id,
        sku=after.sku,
        changed=changed,
        old_category=before.category,
        new_category=after.category,
        group_id=after.group_id,
    )
