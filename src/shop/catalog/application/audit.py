"""Whether the stock is what movements and orders have made of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from shop.catalog.application.ports import Histories, Products, Reservations
from shop.catalog.domain.reservation import Reservation
from shop.catalog.domain.stock import Stock
from shop.kernel.clock import Clock

_PATIENCE = timedelta(minutes=10)
_MOST_LOOKS = 6
_AT_ONCE = 100  # counters


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Reads everything and changes nothing.

    What it reads is no snapshot while others write, so a difference counts if it is found twice, the second time in a
    product whose counters have not moved while everything else was read: documents that say something else about a
    product are committed together with its counters. Memory grows with products, not with orders.
    """

    products: Products
    histories: Histories
    reservations: Reservations
    clock: Clock

    async def __call__(self) -> AsyncIterator[str]:
        """A sentence for each difference, and for each product that never stood still enough to be checked."""
        look = await self._look(None)
        for key in sorted(look.overdue):
            if overdue := await self._overdue(key):
                yield overdue
        doubtful = sorted(look.differing)
        for _ in range(_MOST_LOOKS - 1):
            if not doubtful:
                return
            look = await self._look(doubtful)
            for product_id in doubtful:
                if look.still(product_id):
                    for difference in look.differences(product_id):
                        yield difference
            doubtful = [product_id for product_id in look.differing if not look.still(product_id)]
        for product_id in doubtful:
            yield f"stock of {product_id}: not checked, it moved during each of {_MOST_LOOKS} looks; look again later"

    async def _look(self, only: Collection[str] | None) -> _Look:
        """Everything once, added up by product; `only` these, or all there are."""
        look = _Look(only=None if only is None else frozenset(only), overdue_since=self.clock() - _PATIENCE)
        if only is None:
            async for product in self.products.every_product():
                look.before[product.product_id] = Stock()
        else:
            look.before.update(dict.fromkeys(only, Stock()))
        look.before.update(await self._stocks(look.before))
        async for movement in self.histories.every_movement():
            look.moved_by_staff(movement.product_id, movement.delta)
        async for reservation, at in self.reservations.every_reservation():
            look.moved_by_an_order(reservation, at)
        look.after.update(await self._stocks(look.known))
        return look

    async def _stocks(self, product_ids: Collection[str]) -> Mapping[str, Stock]:
        stocks: dict[str, Stock] = {}
        rest = iter(sorted(product_ids))
        while some := list(islice(rest, _AT_ONCE)):
            stocks.update(await self.products.stocks(some))
        return stocks

    async def _overdue(self, key: str) -> str | None:
        reservation = await self.reservations.get(key)
        if reservation is None or reservation.at_rest:
            return None
        done, of, minutes = reservation.done, len(reservation.lines), _PATIENCE // timedelta(minutes=1)
        return f"{key}: {reservation.status} for more than {minutes} minutes, at line {done} of {of}"


@dataclass(slots=True, kw_only=True)
class _Look:
    """What one reading of everything came to, by product."""

    only: frozenset[str] | None
    overdue_since: datetime
    before: dict[str, Stock] = field(default_factory=dict)
    after: dict[str, Stock] = field(default_factory=dict)
    moved: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    shipped: Counter[str] = field(default_factory=Counter)
    restocked: Counter[str] = field(default_factory=Counter)
    overdue: set[str] = field(default_factory=set)

    def moved_by_staff(self, product_id: str, delta: int) -> None:
        if self.only is None or product_id in self.only:
            self.moved[product_id] += delta

    def moved_by_an_order(self, reservation: Reservation, at: datetime) -> None:
        if not reservation.at_rest and at < self.overdue_since:
            self.overdue.add(reservation.key)
        for sums, lines in (
            (self.held, reservation.held),
            (self.shipped, reservation.shipped),
            (self.restocked, reservation.restocked),
        ):
            for line in lines:
                if self.only is None or line.product_id in self.only:
                    sums[line.product_id] += line.quantity

    @property
    def known(self) -> Collection[str]:
        """Every product that anything speaks of."""
        return self.before.keys() | self.moved.keys() | self.held.keys() | self.shipped.keys() | self.restocked.keys()

    @property
    def differing(self) -> list[str]:
        """Products whose sums do not fit their counters."""
        return [product_id for product_id in self.after if any(self.differences(product_id))]

    def still(self, product_id: str) -> bool:
        """Whether its counters stood still while everything was read."""
        return self.before.get(product_id) == self.after[product_id]

    def differences(self, product_id: str) -> Iterator[str]:
        """In what its counters are not what movements and orders add up to."""
        stock, what = self.after[product_id], f"stock of {product_id}"
        held, moved = self.held[product_id], self.moved[product_id]
        shipped, restocked = self.shipped[product_id], self.restocked[product_id]
        if stock.reserved != held:
            yield f"{what}: {stock.on_hand} on hand, {stock.available} available, but reservations hold {held}"
        if stock.on_hand + stock.sold != moved:
            yield f"{what}: {stock.on_hand} on hand, {stock.sold} sold, but staff's movements add up to {moved}"
        if stock.sold != shipped - restocked:
            yield f"{what}: {stock.sold} sold, but orders took {shipped} out and refunds put {restocked} back"
