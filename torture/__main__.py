"""`python -m torture [--kills 200] [--orders 20000] [--seed N]`: what is killed, done and checked, and a verdict."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from torture.client import Wrong
from torture.run import Plan, Report, See, torture
from torture.shown import console_of, show_checks

_MOST_MINUTES = 30


def main() -> int:
    """0 if nothing was lost or doubled; else the data is kept, and it is said where."""
    given = _arguments()
    console = console_of()
    data = Path(tempfile.mkdtemp(prefix="shop-torture-"))
    plan = Plan(seed=given.seed, kills=given.kills, orders=given.orders)
    console.print(
        f"seed {plan.seed}: {plan.kills} kills, {plan.orders:,} orders, {plan.clients} clients; data in {data}"
    )
    try:
        report = asyncio.run(_bounded(plan, data, console))
    except (Wrong, RuntimeError, TimeoutError) as error:
        console.print(f"{type(error).__name__}: {error}", markup=False)
    else:
        _print(report, console)
        if report.sound:
            shutil.rmtree(data)
            console.print("\n[bold green]nothing lost, nothing doubled[/]")
            return 0
    console.print(f"\n[bold red]something is wrong[/]: look at {data}; the same plan again: --seed {plan.seed}")
    return 1


async def _bounded(plan: Plan, data: Path, console: Console) -> Report:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        async with asyncio.timeout(_MOST_MINUTES * 60):
            return await torture(plan, data, _shown_on(progress))


def _shown_on(progress: Progress) -> See:
    tasks: dict[str, TaskID] = {}

    def see(phase: str, count: int, of: int) -> None:
        if phase not in tasks:
            tasks[phase] = progress.add_task(phase, total=of)
        progress.update(tasks[phase], completed=count)

    return see


def _print(report: Report, console: Console) -> None:
    done = Table(box=None, header_style="bold", pad_edge=False)
    done.add_column("done")
    done.add_column("", justify="right")
    for what, figure in report.figures.items():
        done.add_row(what, figure)
    for name, counts in (("killed ", report.kills), ("", report.acts)):
        for what, count in sorted(counts.items(), key=lambda pair: -pair[1]):
            done.add_row(f"{name}{what}", f"{count:,}")
    console.print(done)
    console.print()
    show_checks(report.checks, console)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--orders", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="default: another each time")
    return parser.parse_args()


sys.exit(main())
