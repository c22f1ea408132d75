"""What came of a log's price changes: which layer told orders the prices, and how soon new ones were told."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from shop.kernel.money import Money

MOST_LATE = 1.0  # seconds after which no order may carry a price that has been changed


class PriceTags:
    """The prices that products have had, one after the other, each since a moment (seconds on any one clock)."""

    def __init__(self) -> None:
        self._had: dict[str, list[tuple[Money, float]]] = defaultdict(list)

    def put(self, product: str, price: Money, at: float) -> None:
        """The product has this price from then on."""
        self._had[product].append((price, at))

    def now(self, product: str) -> Money:
        """The price that it has."""
        return self._had[product][-1][0]

    def before(self, product: str) -> Money:
        """The price that it had before that one."""
        return self._had[product][-2][0]

    def changed(self) -> Sequence[str]:
        """The products that have had more than one price."""
        return [product for product, had in self._had.items() if len(had) > 1]

    def ended(self, product: str, price: Money) -> float:
        """The moment when it ceased to have this price; minus infinity if it never had it."""
        had = self._had[product]
        return max((since for (old, _), (_, since) in pairwise(had) if old == price), default=-math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class OldPrice:
    """A line of an order that carried another price than its product had when the order was begun."""

    invoice: str
    product: str
    carried: Money
    price: Money
    late: float  # seconds since the product has not had it any more; infinite if it never had

    def __str__(self) -> str:
        ended = f"which ended {1000 * self.late:,.2f} ms before the order began"
        when = ended if math.isfinite(self.late) else "which it never had"
        return f"invoice {self.invoice}: {self.product} at {self.carried}, {when}, instead of {self.price}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceReport:
    """Figures of one replay with price changes; all times are seconds."""

    changes: int
    reads: Mapping[str, int]  # products that orders asked for, by the layer that answered
    products: int  # of them different ones
    there_before: int  # orders from an earlier run, of whose prices nothing can be said
    old: Sequence[OldPrice]
    revenue: Decimal  # at the prices that orders carried
    logged: Decimal  # at those of the log
    left_out: Sequence[str]
    servers: int
    seen_after: Sequence[float]  # from the answer to a change until every server's orders would carry it

    @property
    def too_late(self) -> Sequence[OldPrice]:
        """What must not be."""
        return [line for line in self.old if line.late > MOST_LATE]

    @property
    def asked(self) -> int:
        """How many reads there were."""
        return sum(self.reads.values())

    @property
    def hits(self) -> int:
        """The reads for which the catalog was not asked."""
        return self.asked - self.reads.get("origin", 0)

    def figures(self) -> Mapping[str, object]:
        """For a program."""
        return {
            "prices_set": self.changes,
            "reads": self.reads,
            "hit_rate": round(self.hits / self.asked, 4) if self.asked else None,
            "lines_left_out": len(self.left_out),
            "revenue_at_log_prices": str(self.logged),
            "orders_there_before": self.there_before,
            "orders_with_an_old_price": orders_of(self.old),
            "orders_with_a_price_too_old": orders_of(self.too_late),
            "servers": self.servers,
            "changes_looked_at": len(self.seen_after),
            "seen_after_ms": _milliseconds(self.seen_after),
            "late_by_ms": _milliseconds([line.late for line in self.old if math.isfinite(line.late)]),
        }


def orders_of(lines: Sequence[OldPrice]) -> int:
    """How many orders these lines are of."""
    return len({line.invoice for line in lines})


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that so many per cent do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share / 100) - 1)]


def _milliseconds(values: Sequence[float]) -> Mapping[str, float] | None:
    if not values:
        return None
    shares = {"p50": 50, "p99": 99, "most": 100}
    return {name: round(1000 * percentile(values, share), 2) for name, share in shares.items()}
