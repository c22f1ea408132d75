"""All documents of a kind, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator

from shop.platform.storage.port import Records, Stored


async def scanned(records: Records, prefix: str) -> AsyncIterator[Stored]:
    """Every document whose key begins so, by key; each page as fresh as the moment it is read."""
    page = await records.scan(prefix)
    while True:
        for stored in page.found:
            yield stored
        if page.after is None:
            return
        page = await records.scan(prefix, after=page.after)
