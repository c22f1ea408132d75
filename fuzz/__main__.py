"""`python -m fuzz [--requests 20000] [--seed N]`: what was asked, how it was answered, and a verdict."""

from __future__ import annotations

import argparse
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from fuzz.run import Plan, Report, fuzz
from torture.shown import console_of

_MOST_SHOWN = 20  # findings


def main() -> int:
    """0 if every answer was one that the document foresees; else the data is kept, and it is said where."""
    given = _arguments()
    console = console_of()
    data = Path(tempfile.mkdtemp(prefix="shop-fuzz-"))
    plan = Plan(seed=given.seed, requests=given.requests)
    console.print(f"seed {plan.seed}: {plan.requests:,} requests; data in {data}")
    columns = (TextColumn("requests"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=plan.requests)
        report = fuzz(plan, data, see=lambda count, of: progress.update(task, completed=count, total=of))
    _print(report, console)
    if report.sound:
        shutil.rmtree(data)
        console.print("\n[bold green]no 5xx, no undocumented status, no body against its schema[/]")
        return 0
    console.print(f"\n[bold red]something is wrong[/]: look at {data}; the same plan again: --seed {plan.seed}")
    return 1


def _print(report: Report, console: Console) -> None:
    asked = Table(box=None, header_style="bold", pad_edge=False)
    asked.add_column("operation", no_wrap=True)
    for name in ("requests", "forbidden"):
        asked.add_column(name, justify="right")
    asked.add_column("answered")
    for operation, counts in report.statuses.items():
        told = " · ".join(f"{status} {count:,}" for status, count in sorted(counts.items()))
        asked.add_row(operation, f"{counts.total():,}", f"{report.forbidden[operation]:,}", told)
    asked.add_row("[bold]all[/]", f"[bold]{report.requests:,}[/]", f"[bold]{report.forbidden.total():,}[/]")
    console.print(asked)
    console.print(f"\norders stood: {', '.join(f'{how} {count:,}' for how, count in report.standings.most_common())}")
    console.print(f"{report.seconds:.0f} s\n")
    for check in report.checks:
        console.print(f"{'[green]ok[/]' if not check.faults else '[bold red]wrong[/]'}  {check.what}")
        for fault in check.faults:
            console.print(fault, markup=False)
    for operation in report.never_well:
        console.print(f"[bold red]never well[/]  {operation}")
    for (operation, finding), examples in list(report.faults.items())[:_MOST_SHOWN]:
        console.print(f"\n[bold red]{operation}[/]  {len(examples):,} times")
        console.print(f"{finding}\n{examples[0]}", markup=False)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="default: another each time")
    return parser.parse_args()


sys.exit(main())
