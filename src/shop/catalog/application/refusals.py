"""Why an act on a product may be refused."""

from __future__ import annotations

from shop.catalog.domain.product import Product
from shop.kernel.errors import Clash, NotFound, Stale


class ProductNotFound(NotFound):
    """No product has this id."""

    code = "product-not-found"


class ProductExists(Clash):
    """Another product has this id."""

    code = "product-exists"


class ProductMoved(Stale):
    """The product is not the one that the caller saw."""

    code = "version-moved"


def found(product: Product | None, product_id: str) -> Product:
    """The product, or `ProductNotFound`."""
    if product is None:
        raise ProductNotFound(f"there is no product {product_id[:100]!r}")
    return product


def unmoved(product: Product, version: int | None) -> Product:
    """The product, or `ProductMoved` if the caller acts on another version of it (None: on whatever it finds)."""
    if version is not None and version != product.version:
        raise ProductMoved(f"{product.product_id} is at version {product.version}: read it again")
    return product
