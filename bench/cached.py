"""What is read through the cache here: pages of the size of a product, whatever their number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from shop.platform.http.collected import Collected
from shop.platform.http.stored import Stored, stored

AT_ONCE = 50  # cold requests of a process
_WORDS = "Leaves from two gardens, dried over pine. Best with the first cold morning of the year. "


class Page(msgspec.Struct, frozen=True):
    """One of them, all of it."""

    id: str
    name: str
    description: str
    price: str
    tags: list[str]


class Stock(msgspec.Struct, frozen=True):
    """Pages that are to be kept in Redis, and in the memory of the process that is told so."""

    path: str  # of their collection; each group has one of its own
    tag: str
    count: int


def body_of(page: str) -> bytes:
    """As the origin sends it."""
    return msgspec.json.encode(Page(page, f"Smoky dawn, tin number {page}", 4 * _WORDS, "24.90", ["tea", "smoked"]))


def fields_of(tag: str) -> Mapping[str, str]:
    """The origin's header fields."""
    return {
        "cache-control": "public, max-age=300, stale-while-revalidate=60",
        "cache-tags": tag,
        "content-type": "application/json",
        "etag": '"1.7"',
    }


def pages(path: str) -> Collected[Page]:
    """Those of a collection."""
    return Collected(path=path, wire=Page, translate=lambda page: (page.id, page), tag="page")


def alone(paths: Iterable[str]) -> Mapping[str, Stored]:
    """Answers for these paths, as if the origin had given them."""
    return {path: stored(body=body_of(path), fields=fields_of(f"page:{path}"), age=0) for path in paths}


def items(stock: Stock) -> Mapping[str, Stored]:
    """All of it, under the names by which its collection has them."""
    kept = pages(stock.path)
    return {
        f"{kept.prefix}{number}": stored(
            body=b'{"data":[' + body_of(str(number)) + b"]}", fields=fields_of(stock.tag), age=0
        )
        for number in range(stock.count)
    }
