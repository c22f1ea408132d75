"""How many points an order earns, and how many a refund costs."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.kernel.money import Money
from shop.rewards.domain.earning import EARNING


@pytest.mark.parametrize(
    ("total", "points"),
    [
        (Money(2999, "EUR"), 29),
        (Money(100, "EUR"), 1),
        (Money(99, "EUR"), 0),
        (Money(0, "EUR"), 0),
        (Money(-2999, "EUR"), 0),
        (Money(29, "JPY"), 29),
        (Money(2999, "KWD"), 2),
        (Money(999, "KWD"), 0),
        (Money(10**15, "JPY"), 10**15),
    ],
    ids=lambda one: f"{one} {one.currency}" if isinstance(one, Money) else None,
)
def test_a_whole_unit_of_money_is_a_point(total, points):
    [rule] = EARNING

    assert rule.name == "one-per-unit"
    assert rule.points(total) == points


def _falls(currency):
    amounts = st.lists(st.integers(0, 10**9), min_size=1, max_size=8)
    return amounts.map(lambda found: [Money(minor, currency) for minor in sorted(found, reverse=True)])


@given(st.sampled_from(["JPY", "EUR", "KWD"]).flatmap(_falls))
def test_refunds_of_a_whole_order_cost_all_that_it_earned_however_it_is_cut(totals):
    [rule] = EARNING
    steps = [*totals, Money(0, totals[0].currency)]

    lost = [rule.lost(before=before, after=after) for before, after in pairwise(steps)]

    assert sum(lost) == rule.points(totals[0])


def test_a_total_that_does_not_fall_costs_nothing():
    [rule] = EARNING

    assert rule.lost(before=Money(100, "EUR"), after=Money(900, "EUR")) == 0
