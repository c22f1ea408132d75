"""How long an answer may be used: the rules of RFC 9111 (HTTP caching) and RFC 5861, for a cache that many share.

Pure: header fields (names in lower case) and seconds go in, seconds come out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

Fields = Mapping[str, str]

_VALIDATABLE_FOR = 60.0  # seconds past its last use that a body is kept for If-None-Match
_OK = 200
_LONGEST = 2.0**31  # seconds: RFC 9111 §1.2.2
_DIRECTIVE = re.compile(r"""([!#$%&'*+.^_`|~\w-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,;"]*)))?""", re.ASCII)


@dataclass(frozen=True, slots=True)
class Windows:
    """Up to which age (seconds) an answer serves for what. A later one is never below `fresh`."""

    fresh: float  # as it is
    revalidating: float  # while it is asked for anew (RFC 5861 §3)
    erring: float  # when asking for it anew fails (RFC 5861 §4)
    kept: float  # at least to ask whether it has changed


def windows(fields: Fields) -> Windows:
    """What an answer with these fields may be used for, and how long."""
    control = directives(fields.get("cache-control", ""))
    fresh = lifetime(fields)
    stale = may_be_stale(control)
    revalidating = fresh + (_seconds(control, "stale-while-revalidate") or 0) if stale else fresh
    erring = fresh + (_seconds(control, "stale-if-error") or 0) if stale else fresh
    last = max(revalidating, erring)
    return Windows(fresh, revalidating, erring, last + _VALIDATABLE_FOR if has_validator(fields) else last)


@lru_cache(maxsize=256)  # an origin says few things, and says them with every answer
def directives(cache_control: str) -> Mapping[str, str | None]:
    """`{name: argument}`, names in lower case. Of two alike the stricter one counts. Source: §5.2, §4.2.1."""
    found: dict[str, str | None] = {}
    for name, quoted, plain in _DIRECTIVE.findall(cache_control):
        argument = quoted or plain or None
        key = name.lower()
        if key not in found or _number(argument) < _number(found[key]):
            found[key] = argument
    return found


def lifetime(fields: Fields) -> float:
    """Seconds that it is fresh: s-maxage, else max-age, else Expires - Date, else 0: nothing is guessed. §4.2.1."""
    control = directives(fields.get("cache-control", ""))
    if "no-cache" in control:
        return 0.0  # §5.2.2.4: not without asking; with field names too, which the section allows
    for name in ("s-maxage", "max-age"):  # §5.2.2.10 before §5.2.2.1
        if name in control:
            return _seconds(control, name) or 0.0
    if "expires" in fields:  # §5.3: what is no date has expired
        expires, date = moment(fields["expires"]), moment(fields.get("date", ""))
        return max(0.0, (expires - date).total_seconds()) if expires and date else 0.0
    return 0.0


def may_store(fields: Fields, *, status: int, authorized: bool) -> bool:
    """Whether an answer may be kept; `authorized`: the request had an Authorization. §3, §3.5, §4.1.

    Of those the RFC allows, only a 200 is: nothing here asks twice for what is not there.
    """
    control = directives(fields.get("cache-control", ""))
    return (
        status == _OK
        and not control.keys() & {"no-store", "private"}  # §5.2.2.5, §5.2.2.7: with field names too
        and "*" not in varies_by(fields)
        and (not authorized or bool(control.keys() & {"public", "must-revalidate", "s-maxage"}))
        and (lifetime(fields) > 0 or has_validator(fields))
    )


def may_be_stale(control: Mapping[str, str | None]) -> bool:
    """Whether the origin lets it be used when it is stale, if it says for how long. §4.2.4, §5.2.2.2, 8, 10."""
    return not control.keys() & {"must-revalidate", "proxy-revalidate", "s-maxage", "no-cache"}


def age_on_arrival(fields: Fields, *, asked: datetime, received: datetime) -> float:
    """Seconds since the origin made it, as far as one can tell: corrected_initial_age. §4.2.3.

    Without a Date it was made when it was received (RFC 9110 §6.6.1).
    """
    date = moment(fields.get("date", ""))
    apparent = max(0.0, (received - date).total_seconds()) if date else 0.0
    told = fields.get("age", "").strip().partition(",")[0]
    delay = max(0.0, (received - asked).total_seconds())
    corrected = (min(float(told), _LONGEST) if told.isdecimal() else 0.0) + delay
    return max(apparent, corrected)


def varies_by(fields: Fields) -> tuple[str, ...]:
    """Names of the request's fields that chose this answer, in lower case and order; `*`: nobody can tell. §4.1."""
    return tuple(sorted({name.strip().lower() for name in fields.get("vary", "").split(",") if name.strip()}))


def conditions(fields: Fields) -> dict[str, str]:
    """What is to be sent to hear whether an answer still holds. §4.3.1."""
    asked = {}
    if "etag" in fields:
        asked["if-none-match"] = fields["etag"]
    if "last-modified" in fields:
        asked["if-modified-since"] = fields["last-modified"]
    return asked


def freshened(fields: Fields, confirmed: Fields) -> dict[str, str]:
    """The fields of a kept answer after a 304 with these. §3.2, §4.3.4."""
    kept = {name: value for name, value in fields.items() if name not in {"age", "date"}}
    return {**kept, **{name: value for name, value in confirmed.items() if name != "content-length"}}


def has_validator(fields: Fields) -> bool:
    """Whether one can ask if it has changed. §4.3.1."""
    return "etag" in fields or "last-modified" in fields


def moment(text: str) -> datetime | None:
    """An HTTP date (RFC 9110 §5.6.7); None if it is none."""
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _seconds(control: Mapping[str, str | None], name: str) -> float | None:
    """An argument in seconds; what is no whole number is 0. §1.2.2, §4.2.1."""
    if name not in control:
        return None
    return max(0.0, _number(control[name]))


def _number(argument: str | None) -> float:
    return min(float(argument), _LONGEST) if argument and argument.isascii() and argument.isdecimal() else -1.0
