"""What no API says: the store itself, looked at beside the server, or after it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from torture.checks import Check
from torture.server import SHOP

_POSTPONED = "dead IS NULL AND attempts > 0 AND owner IS NULL AND due > 1000000 * unixepoch()"

_LOOK = 0.05  # seconds between two looks at what is still to be delivered


@dataclass(frozen=True, slots=True)
class Deliveries:
    """How many are on their way, wait for their next attempt, and are dead."""

    waiting: int
    postponed: int
    dead: int


def deliveries(data: Path) -> Deliveries:
    """As they are now."""
    asked = f"SELECT count(*), count(*) FILTER (WHERE {_POSTPONED}), count(dead) FROM deliveries"  # noqa: S608 - our own
    with closing(_opened(data)) as connection:
        all_of_them, postponed, dead = connection.execute(asked).fetchone()
    return Deliveries(all_of_them - postponed - dead, postponed, dead)


def hurry(data: Path) -> int:
    """As if their minute had passed: what waits for its next attempt is due. How many."""
    with closing(_opened(data)) as connection, connection:
        return connection.execute(f"UPDATE deliveries SET due = 0 WHERE {_POSTPONED}").rowcount  # noqa: S608 - our own


async def until_quiet(data: Path, *, patience: float, see: Callable[[int], None] = lambda _: None) -> tuple[float, int]:
    """Seconds until everything that was caused has happened, and how much of it was not waited for a minute."""
    began, hurried = time.perf_counter(), 0
    while time.perf_counter() - began < patience:
        left = deliveries(data)
        see(left.waiting + left.postponed)
        if not left.waiting and not left.postponed:
            break
        if not left.waiting:
            hurried += hurry(data)
        await asyncio.sleep(_LOOK)
    return time.perf_counter() - began, hurried


def checked(data: Path) -> list[Check]:
    """What must be so once the server is down."""
    left = deliveries(data)
    with closing(_opened(data)) as connection:
        (events,) = connection.execute("SELECT count(*) FROM events").fetchone()
    faults = [] if left == Deliveries(0, 0, 0) else [str(left)]
    return [Check("every event delivered, no dead letter", events, faults), *doctor(data)]


def doctor(data: Path) -> list[Check]:
    """What `shop doctor` says of it; a warning is a fault too, in a shop where all is done."""
    command, environ = [*SHOP, "doctor", "--json"], {**os.environ, "SHOP_DATA": str(data)}
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=600, check=False)
    try:
        checks = msgspec.json.decode(ran.stdout)["checks"]
    except msgspec.DecodeError:
        return [Check("shop doctor", 0, [f"ended with {ran.returncode}: {ran.stdout}{ran.stderr}"])]
    return [
        Check(f"doctor: {check['what']}", check["count"], [*check["differences"], *check["warnings"]])
        for check in checks
    ]


def _opened(data: Path) -> sqlite3.Connection:
    return sqlite3.connect(data / "shop.db", timeout=30)
