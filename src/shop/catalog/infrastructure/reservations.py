"""Reservations and restockings over the document engine, and the counters they move."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from shop.catalog.application.ports import Moved, RanOut
from shop.catalog.domain.reservation import Reservation, Step
from shop.kernel.clock import Clock, rfc3339
from shop.kernel.events import Cause, Event, Publisher
from shop.platform.storage.port import Change, Conflict, NotEnough, Put, Records
from shop.platform.storage.scanned import scanned

_OTHERS = 4  # of a commit's records: the reservation, the delivery, the event about the order, and one to spare
_reservation = msgspec.json.Decoder(Reservation).decode
_json = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationStore:
    """Reservations over the document engine."""

    records: Records
    publisher: Publisher
    clock: Clock

    @property
    def room(self) -> int:
        """Changes and product events of one step, at most."""
        return self.records.limit - _OTHERS

    async def get(self, key: str) -> Reservation | None:
        """By `key_of` a fact."""
        stored = await self.records.get(key)
        return _reservation(stored.body) if stored else None

    async def available(self, product_ids: Collection[str]) -> dict[str, int]:
        """How many of each can be set aside; 0 of what was never there."""
        counts = await self.records.counts([f"stock/{product_id}" for product_id in product_ids])
        return {product_id: counts[f"stock/{product_id}"].of.get("available", 0) for product_id in product_ids}

    async def take(self, step: Step, *, events: Sequence[Event], cause: Cause) -> Reservation:
        """Commit a step and return the reservation as it is stored now; `Moved` or `RanOut` if it did not happen."""
        now = self.clock()
        after = replace(step.after, version=step.before.version + 1)
        try:
            await self.records.commit(
                puts=[put_reservation(after, at=now)],
                changes=[Change(key=f"stock/{product_id}", by=by) for product_id, by in step.changes.items()],
                events=[self.publisher(event, at=now, cause=cause) for event in events],
                consumed=cause.delivery if after.at_rest else None,
            )
        except Conflict as error:
            raise Moved from error
        except NotEnough as error:
            raise RanOut({key.removeprefix("stock/") for key in error.keys}) from error
        return after

    async def every_reservation(self) -> AsyncIterator[tuple[Reservation, datetime]]:
        """All reservations and restockings, and when each moved last; for checks."""
        for prefix in ("reservation/", "restock/"):
            async for stored in scanned(self.records, prefix):
                yield _reservation(stored.body), stored.at

    async def unfinished(self, *, since: datetime, after: str | None) -> tuple[Sequence[str], str | None]:
        """Keys of reservations that have not moved since then though they should, and where to go on."""
        page = await self.records.find("unfinished", "moving", high=rfc3339(since), after=after)
        return [stored.key for stored in page.found], page.after


def put_reservation(reservation: Reservation, *, at: datetime) -> Put:
    """The reservation as it is from this moment on."""
    places = {} if reservation.at_rest else {"unfinished": ("moving", rfc3339(at))}
    return Put(key=reservation.key, body=_json(reservation), was=reservation.version - 1, indexes=places)
