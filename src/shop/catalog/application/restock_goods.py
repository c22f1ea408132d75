"""Put back what a customer sent back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shop.catalog.application.drive_reservation import DriveReservation
from shop.catalog.domain.reservation import Line, Refunded
from shop.kernel.events import Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class RestockGoods:
    """Put back what a customer sent back."""

    drive: DriveReservation

    async def __call__(self, *, order_id: str, refund_id: str, lines: Sequence[Line], cause: Cause) -> None:
        """From sold to on hand, once per refund. `NotYet` if it was not sold yet."""
        await self.drive(Refunded(order_id, refund_id, lines), cause=cause)
