"""Let go what a completed order held."""

from __future__ import annotations

from dataclasses import dataclass

from shop.catalog.application.drive_reservation import DriveReservation
from shop.catalog.domain.reservation import Completed
from shop.kernel.events import Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class SellStock:
    """Let go what a completed order held."""

    drive: DriveReservation

    async def __call__(self, *, order_id: str, cause: Cause) -> None:
        """What its reservation holds leaves the house."""
        await self.drive(Completed(order_id), cause=cause)
