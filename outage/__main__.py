"""`python -m outage [--quick] [--fault hangs]`: what was ordered while something was away, and a verdict."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

from outage.customers import CHANGED, KNOWN, NEW, Asked
from outage.plan import Plan
from outage.run import Phase, Report, outage
from outage.server import HANGS, KINDS
from outage.watch import circuits, reads
from torture.client import Wrong
from torture.shown import console_of, show_checks

_LENGTHS = ("steady", "catalog_away", "healed", "redis_away", "redis_back")
_KEPT = 300  # seconds for which the catalog lets its answers be kept


def main() -> int:
    """0 if everything that can be ordered was, and all healed; else the data is kept, and it is said where."""
    plan = _plan()
    console = console_of()
    data = Path(tempfile.mkdtemp(prefix="shop-outage-"))
    console.print(f"{plan.rate:g} orders a second, whether earlier ones are answered or not; data in {data}")
    try:
        report = asyncio.run(outage(plan, data / "data", lambda what: console.print(f"[dim]… {what}[/]")))
    except* (Wrong, RuntimeError, OSError, EOFError) as several:
        console.print(*(f"{type(one).__name__}: {one}" for one in _leaves(several)), sep="\n", markup=False)
    else:
        _print(report, console)
        if report.sound:
            shutil.rmtree(data)
            console.print("\n[bold green]ordered whatever can be ordered, nothing lost, healed by itself[/]")
            return 0
    console.print(f"\n[bold red]something is wrong[/]: look at {data}")
    return 1


def _print(report: Report, console: Console) -> None:
    for phase in report.phases:
        console.print()
        console.print(_table(phase))
        for to, states in circuits(phase.looks).items():
            seen = " · ".join(f"{state} {seconds:.1f} s" for state, seconds in states.items())
            console.print(f"breaker before {to}: {seen}")
        console.print("products read from: " + " · ".join(f"{by} {n:,}" for by, n in reads(phase.looks).items() if n))
    console.print()
    for what, seconds in report.healing.items():
        console.print(f"{what}: {seconds:.2f} s")
    console.print(f"refused, and accepted when asked again with the same key: {report.asked_again:,}\n")
    show_checks(report.checks, console)


def _table(phase: Phase) -> Table:
    table = Table(title=f"{phase.name} ({phase.seconds:.0f} s)", title_style="bold", title_justify="left", box=None,
                  header_style="bold", pad_edge=False)  # fmt: skip
    table.add_column("orders of products", min_width=24)
    for name in ("asked", "accepted", "p50", "p99", "worst", "Retry-After"):
        table.add_column(name, justify="right")
    table.add_column("answers")
    for kind in (KNOWN, CHANGED, NEW):
        table.add_row(kind, *_row([one for one in phase.asked if one.kind == kind]))
    table.add_row("all", *_row(phase.asked), style="bold")
    return table


def _row(asked: list[Asked]) -> list[str]:
    if not asked:
        return ["0"]
    took = sorted(one.seconds for one in asked)
    again = [int(one.answer.headers["retry-after"]) for one in asked if "retry-after" in one.answer.headers]
    statuses = Counter(one.answer.status for one in asked)
    return [
        f"{len(asked):,}",
        f"{sum(one.accepted for one in asked) / len(asked):.1%}",
        *(f"{seconds * 1000:,.1f} ms" for seconds in (took[len(took) // 2], took[len(took) * 99 // 100], took[-1])),
        f"{min(again)} to {max(again)} s" if again else "",
        " · ".join(f"{status} {count:,}" for status, count in sorted(statuses.items())),
    ]


def _leaves(several: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    return [
        leaf for one in several.exceptions for leaf in (_leaves(one) if isinstance(one, BaseExceptionGroup) else [one])
    ]


def _plan() -> Plan:
    parser = argparse.ArgumentParser(prog="python -m outage", description=__doc__)
    parser.add_argument("--fault", choices=KINDS, default=HANGS, help="how the catalog fails")
    parser.add_argument("--rate", type=float, default=40, help="orders a second")
    parser.add_argument("--quick", action="store_true", help="some seconds, with a breaker and a budget as short")
    for name in _LENGTHS:
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, metavar="SECONDS", help="default: 60")
    given = parser.parse_args()
    lengths = {name: getattr(given, name) for name in _LENGTHS if getattr(given, name) is not None}
    plan = (Plan.quick if given.quick else Plan)(fault=given.fault, rate=given.rate, **lengths)
    if plan.steady + plan.catalog_away > _KEPT:
        parser.error(f"--steady and --catalog-away: what was read before is kept for {_KEPT} s")
    return plan


sys.exit(main())
