"""Give back what a cancelled order held."""

from __future__ import annotations

from dataclasses import dataclass

from shop.catalog.application.drive_reservation import DriveReservation
from shop.catalog.domain.reservation import Cancelled
from shop.kernel.events import Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseStock:
    """Give back what a cancelled order held."""

    drive: DriveReservation

    async def __call__(self, *, order_id: str, cause: Cause) -> None:
        """Heard before the order itself, it keeps the order from ever holding anything."""
        await self.drive(Cancelled(order_id), cause=cause)
