"""Moments that callers name, as in `?at=2026-11-23T04:00:00Z`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec

from shop.kernel.errors import Invalid

_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class NotAMoment(Invalid):
    """A text that is no date and time with its offset (RFC 3339)."""

    code = "not-a-moment"


def moment_of(text: str, *, field: str) -> datetime:
    """The moment, in UTC; `NotAMoment` names the field it came in."""
    try:
        return msgspec.convert(text, _Moment).astimezone(UTC)
    except (msgspec.ValidationError, OverflowError) as error:
        message = "is no moment: write it like 2026-11-23T04:00:00Z, and a + in it as %2B"
        raise NotAMoment(f"{field} {message}", errors=[{"field": field, "message": message}]) from error
