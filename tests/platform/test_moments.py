"""Moments as callers write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shop.platform.moments import NotAMoment, moment_of


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23T04:00:00Z", datetime(2026, 11, 23, 4, tzinfo=UTC)),
        ("2026-11-23T05:00:00+01:00", datetime(2026, 11, 23, 4, tzinfo=UTC)),
        ("2026-11-23T04:00:00.000001Z", datetime(2026, 11, 23, 4, 0, 0, 1, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_whatever_its_offset(text, moment):
    assert moment_of(text, field="at") == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-11-23",
        "2026-11-23T04:00:00",
        "2026-11-23T04:00:00 01:00",
        "2026-02-30T04:00:00Z",
        "0001-01-01T00:00:00+01:00",
    ],
)
def test_what_is_no_moment_is_refused_with_its_field(text):
    with pytest.raises(NotAMoment) as refused:
        moment_of(text, field="at")

    assert refused.value.errors[0]["field"] == "at"
