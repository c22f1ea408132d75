"""Where an event is in the log's table: by the moment it was logged at, an hour in four partitions.

Beside them one small item for each hour that has something, so that empty hours cost a reader nothing. A moment is at
least `LAG` past when it is read, and what is acknowledged later than `IN_TIME` after its moment does not count as
written: so a reader that is past a moment has seen all of it, if the clocks of both differ by less than the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

from shop.kernel.clock import rfc3339

PARTITIONS = 4  # of an hour
KEPT = timedelta(days=30)
LAG = timedelta(seconds=5)  # a reader stays so far behind
IN_TIME = timedelta(seconds=2)  # a write is over so soon, or done again with a later moment
HOURS: Mapping[str, Any] = {"S": "log#hours"}  # the partition of the hours that have something


def hour_of(moment: str) -> str:
    """`2026-11-23T04` of an RFC 3339 moment, or of a place that begins with one."""
    return moment[:13]


def last_of(hour: str) -> str:
    """A place behind all that are in the hour."""
    return f"{hour}:59:59.999999Z~"


def partition(hour: str, number: int) -> str:
    """One of an hour's four."""
    return f"log#{hour}#{number}"


def partition_of(event_id: str) -> int:
    """Which of the four."""
    return crc32(event_id.encode()) % PARTITIONS


def place(at: datetime, event_id: str) -> str:
    """The sort key of an event: places are ordered like moments."""
    return f"{rfc3339(at)}#{event_id}"


def behind(at: datetime) -> str:
    """A place behind all events that were logged at this moment or before."""
    return f"{rfc3339(at)}~"


def moment_of_place(text: str) -> datetime:
    """The moment that a place begins with; `ValueError` if it begins with none."""
    moment = datetime.strptime(text[:27], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    if rfc3339(moment) != text[:27]:
        raise ValueError("no moment as we write them")
    return moment
