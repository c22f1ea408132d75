"""A catalogue of our own to start with, and what to try with it."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from shop.catalog.container import CatalogContainer
from shop.catalog.presentation.shopify import Row, read_products
from shop.entrypoints.bring_in import bring_in
from shop.entrypoints.terminal import HERE
from shop.platform.settings import Settings

CURRENCY = "EUR"
_MARK = "demo"  # a file in the folder of the store
FIRST_BUY = "tea-smoky-dawn"


def is_demo(settings: Settings, environ: Mapping[str, str]) -> bool:
    """Whether this is a shop to play with: begun as a demo, on an empty folder, with keys of its own. What was begun
    otherwise may be somebody's.
    """
    mark = settings.data / _MARK
    if not settings.store.exists():
        settings.data.mkdir(parents=True, exist_ok=True)
        mark.touch()
    return mark.exists() and not any(environ.get(key) for key in ("SHOP_JWT_KEY", "SHOP_PAYMENT_SECRETS"))


async def fill(catalog: CatalogContainer) -> tuple[int, str]:
    """Bring the demo's products into an empty catalog: how many that were, and the id of something to order."""
    products = (await catalog.records().scan("product/", limit=1)).found
    if products:
        there = await catalog.records().get(f"product/{FIRST_BUY}")
        return 0, FIRST_BUY if there else products[0].key.removeprefix("product/")
    brought = await bring_in(demo_products(), catalog, by="demo")
    return brought.outcomes["created"], FIRST_BUY


def demo_products() -> Sequence[Row]:
    """What the demo sells."""
    return read_products(files("shop.entrypoints").joinpath("demo_catalogue.csv").read_bytes(), CURRENCY).products


def welcome(*, url: str, products: int, first: str, shop: str, environ: Mapping[str, str]) -> str:
    """What `shop serve --demo` says: lines to paste, which order the product `first`.

    `shop` is how the command is called there.
    """
    folder = environ.get("SHOP_DATA")
    bearer = '-H "Authorization: Bearer $TOKEN"'
    body = f'{{"items": [{{"productId": "{first}", "quantity": 2}}]}}'
    stocked = (
        f"{products} products are on the shelves." if products else "The catalog has products: it is kept as it is."
    )
    lines = [
        "",
        f"The shop is open: {url} - {stocked} Ctrl-C closes it.",
        "",
        f"Order something and watch where it goes: {url}/console",
        "",
        "Or in another terminal, in this same folder:",
        "",
        "  # look around",
        *([f"  export SHOP_DATA={shlex.quote(str(Path(folder).resolve()))}"] if folder else []),
        f"  curl {url}/products/{first}",
        "",
        "  # be a customer, and order",
        f"  TOKEN=$({shop} token --role customer --subject ada)",
        f'  ORDER=$(curl -s {url}/orders {bearer} -H "Idempotency-Key: my-first-order" \\',
        f"    -H 'Content-Type: application/json' -d '{body}' \\",
        "    | grep -o 'ord_[0-9a-z]*' | head -n 1)",
        f"  curl {url}/orders/$ORDER {bearer}",
        "",
        "  # be the payment provider; then see the points that it brought",
        f"  {shop} pay $ORDER{'' if url == HERE else f' --url {url}'}",
        f"  curl {url}/rewards/ada {bearer}",
        "",
    ]
    return "\n".join(lines)


def command() -> str:
    """How this `shop` is called from the folder we are in."""
    if shutil.which("shop"):
        return "shop"
    called = Path(sys.argv[0])
    return shlex.quote(os.path.relpath(called) if called.is_file() else "shop")
