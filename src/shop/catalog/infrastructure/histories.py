"""Past prices and stock movements in catalog's records; `store.py` puts them there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from shop.catalog.domain.price import PriceEntry
from shop.catalog.domain.stock import Movement
from shop.kernel.clock import rfc3339
from shop.platform.storage.port import HIGHEST, Records
from shop.platform.storage.scanned import scanned

_price = msgspec.json.Decoder(PriceEntry).decode
_movement = msgspec.json.Decoder(Movement).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryStore:
    """Histories over the document engine."""

    records: Records

    async def prices(
        self, product_id: str, *, until: datetime | None, after: str | None, limit: int
    ) -> tuple[Sequence[PriceEntry], str | None]:
        """A page of its prices, newest first, `until` this moment; and where the next page begins."""
        high = HIGHEST if until is None else rfc3339(until)
        group = f"price/{product_id}"
        page = await self.records.find("history", group, high=high, newest_first=True, after=after, limit=limit)
        return [_price(stored.body) for stored in page.found], page.after

    async def movements(
        self, product_id: str, *, after: str | None, limit: int
    ) -> tuple[Sequence[Movement], str | None]:
        """A page of staff's movements, newest first, and where the next page begins."""
        group = f"movement/{product_id}"
        page = await self.records.find("history", group, newest_first=True, after=after, limit=limit)
        return [_movement(stored.body) for stored in page.found], page.after

    async def every_movement(self) -> AsyncIterator[Movement]:
        """All movements, by product; for checks."""
        async for stored in scanned(self.records, "movement/"):
            yield _movement(stored.body)
