"""Products and stock as others see them."""

from __future__ import annotations

from shop.catalog.contract import MovementView, PriceEntryView, ProductView, StockView
from shop.catalog.domain.price import PriceEntry
from shop.catalog.domain.product import Product
from shop.catalog.domain.stock import Movement, Stock
from shop.kernel.clock import rfc3339
from shop.kernel.money import decimal_text


def product_view(product: Product, stock: Stock) -> ProductView:
    """A product with what can be ordered of it."""
    discounted, currency = product.discounted_price, product.currency
    return ProductView(
        product_id=product.product_id,
        sku=product.sku,
        name=product.name,
        description=product.description,
        category=product.category,
        base_price=decimal_text(product.base_price, currency),
        discounted_price=None if discounted is None else decimal_text(discounted, currency),
        currency=currency,
        in_stock=stock.available > 0,
        stock_quantity=stock.available,
        supplier_id=product.supplier_id,
        warehouse_location=product.warehouse_location,
        group_id=product.group_id,
        attributes=product.attributes,
        status=product.status,
        version=product.version,
        updated_at=rfc3339(product.updated_at),
    )


def price_entry_view(entry: PriceEntry) -> PriceEntryView:
    """A line of the price history."""
    discounted, currency = entry.discounted_price, entry.currency
    return PriceEntryView(
        base_price=decimal_text(entry.base_price, currency),
        discounted_price=None if discounted is None else decimal_text(discounted, currency),
        currency=currency,
        at=rfc3339(entry.at),
        who=entry.who,
    )


def movement_view(movement: Movement) -> MovementView:
    """A line of the stock's history."""
    return MovementView(
        movement_id=movement.movement_id,
        delta=movement.delta,
        counted=movement.counted,
        reason=movement.reason,
        who=movement.who,
        at=rfc3339(movement.at),
    )


def stock_view(product_id: str, stock: Stock) -> StockView:
    """The counters of a product."""
    return StockView(
        product_id=product_id,
        on_hand=stock.on_hand,
        available=stock.available,
        reserved=stock.reserved,
        sold=stock.sold,
        version=stock.version,
    )
