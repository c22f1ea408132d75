"""Set stock aside for an order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shop.catalog.application.drive_reservation import DriveReservation
from shop.catalog.domain.reservation import Created, Line
from shop.kernel.events import Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveStock:
    """Set stock aside for an order."""

    drive: DriveReservation

    async def __call__(self, *, order_id: str, lines: Sequence[Line], cause: Cause) -> None:
        """All of its lines or, if any is short, none."""
        await self.drive(Created(order_id, lines), cause=cause)
