"""Move a reservation on until it is at rest."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from shop.catalog.application.announcements import in_stock_turned
from shop.catalog.application.ports import Moved, Products, RanOut, Reservations
from shop.catalog.contract import ShortLine, StockRejected, StockReserved
from shop.catalog.domain.reservation import (
    Completed,
    Created,
    Fact,
    Refunded,
    Reservation,
    Step,
    advance,
    key_of,
    turn_back,
)
from shop.kernel.events import Cause, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveReservation:
    """Take the steps that a fact asks for, each in a commit. Cut off anywhere, or run twice at once, it goes on from
    what is stored; it ends because every step of somebody else's that it meets brings the reservation on too.
    """

    reservations: Reservations
    products: Products

    async def __call__(self, fact: Fact, *, cause: Cause) -> None:
        """Until the reservation is at rest; the commit in which it comes to rest ends the delivery in `cause`."""
        reservations, room = self.reservations, self.reservations.room
        # Of a new order there is none yet, nearly always; where there is one, the first step finds that it `Moved`.
        reservation = None if isinstance(fact, Created) else await reservations.get(key_of(fact))
        counted = _counted(reservation, fact)
        available = await reservations.available(counted) if counted else {}
        step = advance(reservation, fact, room=room, available=available)
        while step is not None:
            try:
                reservation = await reservations.take(step, events=await self._events(step), cause=cause)
            except RanOut as refused:
                available |= await reservations.available(refused.products)
                step = turn_back(step, refused.products, room=room, available=available)
            except Moved:
                reservation = await reservations.get(key_of(fact))
                step = advance(reservation, fact, room=room, available=available)
            else:
                for product_id, by in step.changes.items():
                    if product_id in available:
                        available[product_id] += by.get("available", 0)
                step = advance(reservation, fact, room=room, available=available)

    async def _events(self, step: Step) -> list[Event]:
        events: list[Event] = []
        if step.after.status == "reserved":
            events.append(StockReserved(order_id=step.after.order_id))
        elif step.after.status == "rejected":
            events.append(StockRejected(order_id=step.after.order_id, short=_short(step.after)))
        if step.turned:
            products = await self.products.get_many(step.turned)
            events.extend(in_stock_turned(product) for product in products.values())
        return events


def _counted(reservation: Reservation | None, fact: Fact) -> Collection[str]:
    """The products whose availability the steps hang on: to begin with a choice, then to foretell `inStock`."""
    if reservation is None:
        return {line.product_id for line in fact.lines} if isinstance(fact, Created | Refunded) else ()
    if isinstance(fact, Completed) or reservation.status == "shipping":
        return ()
    return {line.product_id for line in reservation.lines}


def _short(reservation: Reservation) -> tuple[ShortLine, ...]:
    return tuple(
        ShortLine(product_id=line.product_id, wanted=line.wanted, available=line.available)
        for line in reservation.short
    )
