"""Catalog as Lambda functions: SHOP_ROLE says which of them this is."""

from shop.platform.cold_start import uncollected, without

with uncollected(), without("rich"):  # structlog would load it for a terminal
    from shop.entrypoints.alone import handler as handler_of
    from shop.entrypoints.catalog_alone import CatalogAlone

    handler = handler_of(CatalogAlone)
