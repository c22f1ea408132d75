"""Months as texts, and when points expire."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.rewards.domain.months import end_of, expires_in, month_of, months_before


@pytest.mark.parametrize(
    ("earned", "expires"),
    [
        (datetime(2026, 11, 23, 4, tzinfo=UTC), "2028-11"),
        (datetime(2026, 1, 1, tzinfo=UTC), "2028-01"),
        (datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), "2028-12"),
        (datetime(2024, 2, 29, tzinfo=UTC), "2026-02"),
    ],
)
def test_points_expire_at_the_end_of_the_month_24_months_later(earned, expires):
    assert expires_in(earned) == expires


@given(st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1)))  # noqa: DTZ001
def test_points_live_for_24_months_whatever_the_day(moment):
    year, month = map(int, expires_in(moment.replace(tzinfo=UTC)).split("-"))

    assert (year, month) == (moment.year + 2, moment.month)


@pytest.mark.parametrize(
    ("month", "end"), [("2028-11", "2028-12-01T00:00:00.000000Z"), ("2028-12", "2029-01-01T00:00:00.000000Z")]
)
def test_a_month_ends_when_the_next_one_begins(month, end):
    assert end_of(month) == end
    assert month_of(end) > month


def test_months_before_come_oldest_first():
    assert months_before("2027-02", count=4) == ["2026-10", "2026-11", "2026-12", "2027-01"]
