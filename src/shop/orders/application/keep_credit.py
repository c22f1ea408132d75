"""A customer has turned points into credit, to be used on later orders."""

from __future__ import annotations

from dataclasses import dataclass

from shop.kernel.clock import Clock, rfc3339
from shop.kernel.events import Cause
from shop.kernel.money import Money
from shop.orders.application.ports import CreditNote, Orders


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepCredit:
    """Write set: credit note, credit +amount."""

    orders: Orders
    clock: Clock

    async def __call__(self, *, redemption_id: str, customer_id: str, amount: Money, cause: Cause) -> None:
        """Once per redemption."""
        if await self.orders.credited(redemption_id) is None:
            note = CreditNote(
                redemption_id=redemption_id,
                customer_id=customer_id,
                amount=amount.minor,
                currency=amount.currency,
                at=rfc3339(self.clock()),
            )
            await self.orders.add_credit(note, cause=cause)
