"""How many of a product there are: counters, and the movements that staff make."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shop.kernel.errors import Clash, Invalid

MOST = 10**9  # units of one product
LONGEST_REASON = 200  # characters


class NotAMovement(Invalid):
    """A movement of nothing, of too much, or without a reason."""

    code = "not-a-movement"


class NotEnoughStock(Clash):
    """Less can be taken away than was asked, because orders hold the rest."""

    code = "not-enough-stock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """`on_hand` is in the house, `available` of it not set aside for orders; `sold` has left."""

    on_hand: int = 0
    available: int = 0
    sold: int = 0
    version: int = 0

    @property
    def reserved(self) -> int:
        """What orders hold."""
        return self.on_hand - self.available

    @property
    def in_stock(self) -> bool:
        """Whether one can be ordered."""
        return self.available > 0

    def moved(self, delta: int) -> Stock:
        """The stock after staff put in or took out so many. `NotEnoughStock` if orders hold what was to go."""
        if self.available + delta < 0:
            raise NotEnoughStock(
                f"{self.available} of {self.on_hand} can be taken away; orders hold {self.reserved}",
                extra={"onHand": self.on_hand, "available": self.available},
            )
        if self.on_hand + delta > MOST:
            raise _refused("delta", f"would put more than {MOST} on hand")
        if not delta:
            return self
        return Stock(
            on_hand=self.on_hand + delta, available=self.available + delta, sold=self.sold, version=self.version + 1
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """So many put in (or, below zero, taken out) by whom and why; `counted`: what was on hand, if that was counted."""

    product_id: str
    movement_id: str
    delta: int
    counted: int | None = None
    reason: str
    who: str
    at: datetime


def wanted_delta(stock: Stock, *, delta: int | None, on_hand: int | None, reason: str) -> int:
    """What a wanted movement does: either `delta` or, counted, `on_hand` is given."""
    if (delta is None) == (on_hand is None):
        raise _refused("delta", "or onHand is given: one of the two")
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise _refused("reason", f"is 1 to {LONGEST_REASON} characters")
    if on_hand is not None:
        if not 0 <= on_hand <= MOST:
            raise _refused("onHand", f"is 0 to {MOST}")
        return on_hand - stock.on_hand
    if not delta or abs(delta) > MOST:
        raise _refused("delta", f"is 1 to {MOST}, or below zero to take away")
    return delta


def _refused(field: str, detail: str) -> NotAMovement:
    return NotAMovement(f"{field} {detail}", errors=[{"field": field, "message": detail}])
