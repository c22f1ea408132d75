"""`python -m parity.warm [--orders 20]`: on functions that are warm, how long after its order's answer an order is
confirmed, and how long after its payment's answer its points are there. Emulated: a figure of this machine, where
queues, streams and the bus are the emulator's, and no network is between.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from rich.table import Table

from bundle.__main__ import build
from bundle.targets import TARGETS
from emulator.run import ROOT
from parity.running import Running, began
from parity.story import Story, within
from parity.topology import FUNCTIONS
from shop.platform.observability import configure_logs
from torture.shown import console_of

_PATIENCE = 60  # seconds for what is to happen
_WARMING = 3  # orders: what is asked while it works is answered by one function more
_LOOK = 0.005  # seconds between two looks, each of which is a request


@dataclass(frozen=True, slots=True, kw_only=True)
class Warm:
    """Seconds, of each order."""

    confirmed: list[float] = field(default_factory=list)  # from the answer to the order on
    points: list[float] = field(default_factory=list)  # from the answer to the payment on


async def warm(story: Story, *, orders: int) -> Warm:
    """One order after another, after some that warm; `TimeoutError` where something does not happen."""
    await story.sell("warm", price="10.00", on_hand=orders + _WARMING)
    measured = Warm()
    for n in range(orders + _WARMING):
        confirmed, points = await _one(story, f"warm-{n}")
        if n >= _WARMING:
            measured.confirmed.append(confirmed)
            measured.points.append(points)
    return measured


async def _one(story: Story, customer: str) -> tuple[float, float]:
    answer = await story.order(customer, ("warm", 1))
    answer.raise_for_status()
    order = answer.json()

    async def is_confirmed() -> bool:
        return bool((await story.read(order, customer))["status"] == "confirmed")

    async def has_points() -> bool:
        return await story.points(customer) > 0

    confirmed = await _after(is_confirmed)
    (await story.pay(order, payment_id=f"pay-{customer}")).raise_for_status()
    return confirmed, await _after(has_points)


async def _after(happened: Callable[[], Awaitable[bool]]) -> float:
    began = time.monotonic()
    async with asyncio.timeout(_PATIENCE):
        while not await happened():  # noqa: ASYNC110 - asked of the shop
            await asyncio.sleep(_LOOK)
    return time.monotonic() - began


def table(measured: Warm) -> Table:
    """In milliseconds."""
    shown = Table(box=None, header_style="bold", pad_edge=False)
    shown.add_column("warm, milliseconds")
    for heading in ("orders", "p50", "max"):
        shown.add_column(heading, justify="right")
    _row(shown, "created → confirmed", measured.confirmed)
    _row(shown, "paid → points", measured.points)
    return shown


def _row(shown: Table, what: str, seconds: Sequence[float]) -> None:
    shown.add_row(what, str(len(seconds)), f"{median(seconds) * 1000:.0f}", f"{max(seconds) * 1000:.0f}")


async def _measured(running: Running, orders: int) -> Warm:
    async with within(running) as (story, _):
        return await warm(story, orders=orders)


def main() -> int:
    """0 when it is told."""
    parser = argparse.ArgumentParser(prog="python -m parity.warm", description=__doc__)
    parser.add_argument("--orders", type=int, default=20, help="one after another")
    given = parser.parse_args()
    configure_logs("warning")
    console = console_of()
    build(TARGETS["local"], to=ROOT / "dist" / TARGETS["local"].file_name, console=console)
    with tempfile.TemporaryDirectory(prefix="shop-warm-") as work, began(FUNCTIONS, Path(work)) as running:
        console.print(table(asyncio.run(_measured(running, given.orders))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
