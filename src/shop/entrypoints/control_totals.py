"""Control totals: sales, counted, and where two lots of them differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal

import msgspec

from shop.entrypoints.order_log import Sale


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Control totals."""

    orders: int
    merged_lines: int
    most_lines_in_one_order: int
    units: int
    products: int
    customers: int
    revenue: str
    points: int
    returned_units: int
    refunded: str
    points_taken_back: int

    @classmethod
    def of(cls, sales: Sequence[Sale]) -> Totals:
        """Counted from these sales and nothing else."""
        return cls(
            orders=len(sales),
            merged_lines=sum(len(sale.lines) for sale in sales),
            most_lines_in_one_order=max((len(sale.lines) for sale in sales), default=0),
            units=sum(sum(sale.lines.values()) for sale in sales),
            products=len({product for sale in sales for product in sale.lines}),
            customers=len({sale.customer for sale in sales}),
            revenue=str(sum((sale.total for sale in sales), Decimal(0))),
            points=sum(sale.points for sale in sales),
            returned_units=sum(sum(sale.returned.values()) for sale in sales),
            refunded=str(sum((sale.refunded for sale in sales), Decimal(0))),
            points_taken_back=sum(sale.points_back for sale in sales),
        )

    def json(self, **more: object) -> str:
        """All of them in one line, and more beside them."""
        return msgspec.json.encode({**asdict(self), **more}).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the API says, what the log says, where they differ; how much went per second, how long points took.

    Remarks are what went wrong on the way and came right in the end; `unmatched`, credit notes that fit no sale.
    """

    totals: Totals
    wanted: Totals
    differences: Sequence[str]
    remarks: Sequence[str]
    unmatched: Sequence[str]
    points_after: float
    rates: Mapping[str, float]


def differences(sales: Sequence[Sale], logged: Sequence[Sale]) -> Sequence[str]:
    """Each figure that is not the log's, then each invoice."""
    totals, wanted = asdict(Totals.of(sales)), asdict(Totals.of(logged))
    named = [
        f"{name.replace('_', ' ')}: {figure} in the shop, {wanted[name]} in the log"
        for name, figure in totals.items()
        if figure != wanted[name]
    ]
    there: dict[str, list[Sale]] = defaultdict(list)
    for sale in sales:
        there[sale.reference].append(sale)
    for sale in logged:
        found = there[sale.reference]
        if len(found) != 1:
            named.append(f"invoice {sale.reference}: {len(found)} completed orders")
        elif found[0] != sale:
            named.append(f"invoice {sale.reference}: {_told(found[0])} in the shop; {_told(sale)} in the log")
    return named


def _told(sale: Sale) -> str:
    back = f", {sale.refunded} and {sale.points_back} points back" if sale.returned or sale.points_back else ""
    return f"{len(sale.lines)} lines, {sale.total}, {sale.points} points{back}"
