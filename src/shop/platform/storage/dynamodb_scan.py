"""Keys of documents in their order, which a table does not have: listed once, and kept while their pages are turned."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from shop.platform.storage.dynamodb_schema import DOCUMENT
from shop.platform.storage.dynamodb_table import DynamoTable

_MOST_KEPT = 4  # listings; who turns pages is a check or an export, one at a time


class Listings:
    """Of one table. All of it is read for a first page; a document that is put after that may be missing."""

    def __init__(self, table: DynamoTable) -> None:
        self._table = table
        self._kept: dict[str, Sequence[str]] = {}

    async def keys(self, prefix: str, *, after: str | None, most: int) -> tuple[Sequence[str], bool]:
        """So many that begin so behind this one, and whether there are more."""
        listing = self._kept.pop(prefix, None) if after is not None else None
        if listing is None:
            listing = await self._listed(prefix)
        begin = 0 if after is None else bisect_right(listing, after)
        more = len(listing) > begin + most
        if more:
            self._kept[prefix] = listing
            while len(self._kept) > _MOST_KEPT:
                del self._kept[next(iter(self._kept))]
        return listing[begin : begin + most], more

    async def _listed(self, prefix: str) -> Sequence[str]:
        question: dict[str, Any] = {
            "ProjectionExpression": "#k",
            "FilterExpression": "#s = :s" + (" AND begins_with(#k, :k)" if prefix else ""),
            "ExpressionAttributeNames": {"#k": "pk", "#s": "sk"},
            "ExpressionAttributeValues": {":s": {"S": DOCUMENT}, **({":k": {"S": prefix}} if prefix else {})},
        }
        return sorted([item["pk"]["S"] async for item in self._table.scan(**question)])
