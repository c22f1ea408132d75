"""What catalog tells caches about its answers, and what callers tell it about theirs. Source: RFC 9110 §8.8, §13."""

import re
from collections.abc import Iterable
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from hashlib import blake2b

from shop.catalog.application.queries import Listed
from shop.catalog.contract import IN_STOCK_TAG, ProductView, category_tags, tag
from shop.catalog.domain.product import Product
from shop.catalog.domain.stock import Stock
from shop.kernel.errors import Stale, VersionMissing
from shop.platform.request import Web, header_of
from shop.platform.web import Reply

_MOST_ANSWERS = 4096
_LARGEST_ANSWER = 4096  # bytes
CACHED = "public, max-age=300, stale-while-revalidate=60"
_ETAG = re.compile(r'(?:W/)?"(\d{1,18})\.\d{1,18}"')


def etag_of(product: Product, stock: Stock) -> str:
    """`"<product version>.<stock version>"`."""
    return f'"{product.version}.{stock.version}"'


def headers_of(product: Product, stock: Stock, etag: str) -> dict[str, str]:
    """How one product may be kept, and by which tags it is dropped."""
    modified, tags = _lasting(product.product_id, product.category, product.sku, product.updated_at)
    return {
        "Cache-Control": CACHED,
        "ETag": etag,
        "Last-Modified": modified,
        "Cache-Tags": f"{tags},{IN_STOCK_TAG}" if stock.available > 0 else tags,
    }


@lru_cache(maxsize=8192)
def _lasting(product_id: str, category: str, sku: str, updated_at: datetime) -> tuple[str, str]:
    tags = (tag("product", product_id), *category_tags(category), tag("sku", sku))
    return format_datetime(updated_at, usegmt=True), ",".join(tags)


class Answers:
    """The last answer about each of some thousand products, good while its ETag is: of this store, and of another one
    that took its place, which may count its versions anew.
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, datetime, Reply[ProductView | None]]] = {}

    def get(self, product: Product, etag: str) -> Reply[ProductView | None] | None:
        """What was answered, if that is still it."""
        known = self._kept.get(product.product_id)
        return known[2] if known and known[0] == etag and known[1] == product.updated_at else None

    def keep(self, product: Product, etag: str, answer: Reply[ProductView | None]) -> Reply[ProductView | None]:
        """The answer, kept."""
        if answer.size <= _LARGEST_ANSWER:
            if len(self._kept) >= _MOST_ANSWERS:
                self._kept.clear()
            self._kept[product.product_id] = etag, product.updated_at, answer
        return answer


def page_headers(listed: Iterable[Listed], tags: Iterable[str], *, after: str | None) -> dict[str, str]:
    """How a list may be kept: as long as nothing on it moves; `tags` are those of its question."""
    versions = "".join(f"{product.product_id} {product.version}.{stock.version} " for product, stock in listed)
    seen = dict.fromkeys([*tags, *(tag("product", product.product_id) for product, _ in listed)])
    headers = {
        "Cache-Control": CACHED,
        "ETag": f'"{blake2b(f"{versions}{after}".encode(), digest_size=12).hexdigest()}"',
        "Cache-Tags": ",".join(seen),
    }
    latest = max((product.updated_at for product, _ in listed), default=None)
    return {**headers, "Last-Modified": format_datetime(latest, usegmt=True)} if latest else headers


def has_it(request: Web, etag: str) -> bool:
    """Whether the caller has what we would answer (If-None-Match)."""
    known = header_of(request, b"if-none-match")
    return known is not None and (etag in known or known.strip() == "*")


def version_acted_on(request: Web) -> int | None:
    """The product's version in If-Match; None for `*`. A sale moves the stock's part alone, so that does not count."""
    sent = header_of(request, b"if-match")
    if sent is None:
        raise VersionMissing("say which version you saw: send its ETag as If-Match")
    if sent.strip() == "*":
        return None
    match = _ETAG.fullmatch(sent.strip())
    if match is None:
        raise Stale('If-Match is no ETag of a product: send the one that GET answers with, like "3.17"')
    return int(match[1])
