"""An answer of the origin, as the cache keeps it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from shop.platform.http.freshness import Fields, Windows, varies_by, windows

KEPT_FIELDS = frozenset(
    {"age", "cache-control", "cache-tags", "content-type", "date", "etag", "expires", "last-modified", "vary"}
)


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A 200 of the origin: bytes, whatever they mean. `age`: seconds, when it came to this process."""

    body: bytes
    fields: Mapping[str, str]  # header fields that the rules need; names in lower case
    age: float
    tags: tuple[str, ...]
    windows: Windows
    vary: tuple[str, ...]
    to_keep: bool = True


def stored(*, body: bytes, fields: Fields, age: float, to_keep: bool = True) -> Stored:
    """An answer with these fields."""
    return Stored(
        body=body,
        fields=fields,
        age=age,
        tags=tags_of(fields),
        windows=windows(fields),
        vary=varies_by(fields),
        to_keep=to_keep,
    )


def tags_of(fields: Fields) -> tuple[str, ...]:
    """Names by which it is dropped: `Cache-Tags`, with commas between, compared as they are."""
    return tuple(dict.fromkeys(tag.strip() for tag in fields.get("cache-tags", "").split(",") if tag.strip()))


def varied(path: str, vary: tuple[str, ...], sent: Mapping[str, str]) -> str:
    """Under which name the answer for a request with these fields is kept. Source: RFC 9111 §4.1."""
    return "\n".join([path, *(f"{name}: {sent.get(name, '').strip()}" for name in vary)])
