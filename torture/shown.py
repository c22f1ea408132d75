"""What the crash runs and their like show: on a terminal in colour, elsewhere plain and as wide as it needs."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from torture.checks import Check

_MOST_SHOWN = 10  # faults of a check


def console_of(*, width: int = 120) -> Console:
    """For stdout; `width` where that is no terminal."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=width)


def show_checks(checks: Iterable[Check], console: Console) -> None:
    """A table of what was checked, and what was found."""
    checks = list(checks)
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("checked")
    table.add_column("times", justify="right")
    table.add_column("wrong", justify="right")
    for check in checks:
        style = "green" if not check.faults else "bold red"
        table.add_row(check.what, f"{check.count:,}", f"[{style}]{len(check.faults):,}[/]")
    console.print(table)
    for fault in (fault for check in checks for fault in check.faults[:_MOST_SHOWN]):
        console.print(fault, markup=False)
