"""Months as texts (`2028-11`), which sort like time: points expire with the end of one."""

from __future__ import annotations

from datetime import datetime

LIFE_IN_MONTHS = 24  # points expire at the end of the month so many months after they were earned


def expires_in(earned: datetime) -> str:
    """The month at whose end points earned then expire."""
    return _month(earned.year * 12 + earned.month - 1 + LIFE_IN_MONTHS)


def month_of(at: str) -> str:
    """The month of an RFC 3339 moment in UTC."""
    return at[:7]


def end_of(month: str) -> str:
    """The first moment after the month: RFC 3339, UTC."""
    return f"{_month(_number(month) + 1)}-01T00:00:00.000000Z"


def months_before(month: str, *, count: int) -> list[str]:
    """So many months before this one, the oldest first."""
    this = _number(month)
    return [_month(number) for number in range(this - count, this)]


def _number(month: str) -> int:
    return int(month[:-3]) * 12 + int(month[-2:]) - 1


def _month(number: int) -> str:
    return f"{number // 12:04d}-{number % 12 + 1:02d}"
