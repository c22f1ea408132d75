"""Who listens to what, and when a failed delivery is tried again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.platform.bus import MOST_ATTEMPTS, routes, wait_after


async def _reaction(envelope, cause):
    """React to nothing."""


def test_routes_name_everybody_who_listens_to_a_type():
    consumers = {"orders": {"b": _reaction, "a": _reaction}, "catalog": {"b": _reaction}, "deaf": {}}

    assert routes(consumers) == {"a": ("orders",), "b": ("catalog", "orders")}


def test_nobody_listens_where_there_are_no_consumers():
    assert routes({}) == {}


def test_the_waits_double_up_to_32_minutes_and_then_stay_81():
    minutes = [wait_after(attempts) // timedelta(minutes=1) for attempts in range(1, MOST_ATTEMPTS)]

    assert minutes == [1, 2, 4, 8, 16, 32] + [81] * 17


def test_the_24th_attempt_is_24_hours_after_the_first():
    assert MOST_ATTEMPTS == 24
    assert sum((wait_after(attempts) for attempts in range(1, 24)), timedelta()) == timedelta(hours=24)


@pytest.mark.parametrize("attempts", [24, 25, 1000])
def test_after_the_24th_attempt_there_is_none(attempts):
    assert wait_after(attempts) is None


@pytest.mark.parametrize("most", [1, 3, 24])
def test_fewer_attempts_end_the_same_schedule_earlier(most):
    waits = [wait_after(attempts, most=most) for attempts in range(1, most + 1)]

    assert waits == [*(wait_after(attempts) for attempts in range(1, most)), None]


@given(st.integers(1, 22))
def test_no_wait_is_shorter_than_the_one_before(attempts):
    assert wait_after(attempts) <= wait_after(attempts + 1)
