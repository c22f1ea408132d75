"""Finish reservations that were left half-way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import structlog

from shop.catalog.application.drive_reservation import DriveReservation
from shop.catalog.application.ports import Reservations
from shop.catalog.domain.reservation import Overdue
from shop.kernel.clock import Clock
from shop.kernel.errors import NotYet
from shop.kernel.events import Cause

_PATIENCE = timedelta(minutes=5)
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishReservations:
    """Drive on what has not moved for five minutes: the delivery that moved it may have died."""

    reservations: Reservations
    drive: DriveReservation
    clock: Clock

    async def __call__(self, *, cause: Cause) -> int:
        """How many were driven on."""
        since, after, driven = self.clock() - _PATIENCE, None, 0
        while True:
            keys, after = await self.reservations.unfinished(since=since, after=after)
            for key in keys:
                try:
                    await self.drive(Overdue(key), cause=cause)
                    driven += 1
                except NotYet as waiting:
                    _log.info("reservation-waits", key=key, why=str(waiting))
            if after is None:
                return driven
