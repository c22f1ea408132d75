"""Time on the wire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from shop.kernel.clock import rfc3339, system_clock

zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1900, 1, 1), datetime(9998, 1, 1), timezones=zones)  # noqa: DTZ001


@given(one=moments, other=moments)
def test_texts_sort_like_the_moments(one: datetime, other: datetime) -> None:
    assert (rfc3339(one) < rfc3339(other)) == (one < other)
    assert (rfc3339(one) == rfc3339(other)) == (one == other)


@given(moment=moments)
def test_a_text_is_read_back_as_the_same_moment(moment: datetime) -> None:
    assert datetime.fromisoformat(rfc3339(moment)) == moment


def test_a_moment_is_written_in_utc_with_six_decimals() -> None:
    noon_in_vienna = datetime(2026, 11, 23, 12, tzinfo=timezone(timedelta(hours=1)))

    assert rfc3339(noon_in_vienna) == "2026-11-23T11:00:00.000000Z"
    assert rfc3339(datetime(2026, 11, 23, 4, 0, 0, 123456, tzinfo=UTC)) == "2026-11-23T04:00:00.123456Z"


def test_the_system_clock_is_aware_and_in_utc() -> None:
    assert system_clock().utcoffset() == timedelta(0)
