"""The rules by which orders earn points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shop.kernel.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Earning:
    """A named rule: points for an order of this total.

    It never gives less for more. What a name gives stays as it is, because refunds are reckoned by it as well: a
    change is a new rule under a new name.
    """

    name: str
    points: Callable[[Money], int]

    def lost(self, *, before: Money, after: Money) -> int:
        """Points that go when the total of an order falls so: the same number in whatever order refunds are heard."""
        return max(self.points(before) - self.points(after), 0)


def _per_whole_unit(total: Money) -> int:
    return max(total.whole_units, 0)


EARNING: Sequence[Earning] = (Earning(name="one-per-unit", points=_per_whole_unit),)
