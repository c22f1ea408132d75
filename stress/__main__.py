"""`python -m stress [--seed N] [--reads 100000]`: reads while it is written, with the checks and without some."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence

from rich.table import Table

from stress.caches import CHECKS, IN_MEMORY, IN_REDIS
from stress.run import Plan, run
from stress.verdict import Verdict
from torture.shown import console_of

_RUNS: Mapping[str, Sequence[str]] = {
    "as it is": (),
    "memory keeps what it was told to drop": (IN_MEMORY,),
    "Redis keeps what was invalidated": (IN_REDIS,),
    "both": CHECKS,
}
_ROWS: Mapping[str, Callable[[Verdict], str]] = {
    "reads": lambda one: f"{one.reads:,}",
    "  from memory": lambda one: f"{one.answered_by['memory']:,}",
    "  from Redis": lambda one: f"{one.answered_by['redis']:,}",
    "  from the origin": lambda one: f"{one.answered_by['origin']:,}",
    "changes": lambda one: f"{one.changes:,}",
    "stale reads": lambda one: f"{len(one.stale):,}",
    "  of all": lambda one: f"{len(one.stale) / one.reads:.2%}",
    "  longest, ms after the acknowledgement": lambda one: _ms(max(one.stale, default=0)),
    "  begun when their process had been told": lambda one: f"{len(one.told):,}",
    "message heard, ms after the acknowledgement, p50": lambda one: _ms(sorted(one.travels)[len(one.travels) // 2]),
    "  longest": lambda one: _ms(max(one.travels)),
    "  not heard": lambda one: f"{one.missed:,}",
    "invalidations done again": lambda one: f"{one.again:,}",
}


def main() -> int:
    """0 if no read was older than a message's travel, and without the checks some were."""
    given = _arguments()
    console = console_of(width=140)
    plan = Plan(seed=given.seed, reads=given.reads)
    console.print(
        f"seed {plan.seed}: one process changes {plan.items} items, {plan.readers} read them; "
        "stale: an edition whose successor was acknowledged before the read began"
    )
    verdicts = {}
    for name, checks in _RUNS.items():
        with console.status(f"{name} …"):
            verdicts[name] = asyncio.run(run(plan, without=checks))
    console.print(_table(verdicts))
    whole, *others = verdicts.values()
    if whole.told or not others[-1].told:
        console.print(f"[bold red]something is wrong[/]; the same plan again: --seed {plan.seed}")
        return 1
    console.print("[bold green]no process was given what it had been told is old[/]; without the checks they are")
    return 0


def _table(verdicts: Mapping[str, Verdict]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("")
    for name in verdicts:
        table.add_column(name, justify="right", max_width=22)
    for row, of in _ROWS.items():
        table.add_row(row, *map(of, verdicts.values()))
    return table


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.1f}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m stress", description=__doc__)
    parser.add_argument("--reads", type=int, default=100_000, help="of an item, in each run")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="default: another each time")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
