"""`python -m parity`: every journey on every topology, and a table of what is the same. 0 if everything is."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from bundle.__main__ import build
from bundle.targets import TARGETS
from emulator.run import ROOT
from parity.compared import Compared, compared
from parity.topology import FUNCTIONS, ONE_PROCESS, TOLD, TOPOLOGIES
from parity.transcript import Transcript
from torture.shown import console_of

_AT_ONCE = 2  # topologies: each waits for its emulator more than it works
_LONGEST = 900  # seconds for all journeys of a topology
_MOST_SHOWN = 6  # lines of a difference
_WIDEST = 600  # characters of one

Told = Mapping[str, Mapping[str, Transcript]]  # topology -> journey -> what it came to


def main() -> int:
    """0: every journey passed everywhere and came to the same."""
    given = _arguments()
    console = console_of(width=150)
    topologies = [ONE_PROCESS, *(one for one in given.topology or TOPOLOGIES if one != ONE_PROCESS)]
    with tempfile.TemporaryDirectory(prefix="shop-parity-") as work:
        if FUNCTIONS in topologies:
            build(TARGETS["local"], to=ROOT / "dist" / TARGETS["local"].file_name, console=console)
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            codes = threads.map(lambda one: _run(one, Path(work) / one, given.journeys, console), topologies)
            failed = [one for one, code in zip(topologies, codes, strict=True) if code]
        told = {one: _read(Path(work) / one) for one in topologies}
    journeys = compared(told)
    console.print(_table(journeys, topologies))
    _differences(journeys, console)
    wrong = [journey for journey in journeys if not journey.same]
    verdict = f"{len(journeys)} journeys on {len(topologies)} topologies: "
    if failed:
        console.print(f"[bold red]failed on {', '.join(failed)}[/]: pytest tests/journeys -m parity --topology …")
    console.print(verdict + (f"[bold red]{len(wrong)} differ[/]" if wrong else "[green]all equal[/]"))
    return int(bool(failed or wrong or not journeys))


def _run(topology: str, folder: Path, journeys: str, console: Console) -> int:
    """The journeys there; the exit code, and if that is not 0, what was said."""
    folder.mkdir(parents=True)
    own = ["-m", "parity", f"--topology={topology}", f"--transcripts={folder}", *(["-k", journeys] if journeys else [])]
    command = [sys.executable, "-m", "pytest", "tests/journeys", *own]
    console.print(f"{topology}: {TOLD[topology]} …", highlight=False, markup=False)
    run = subprocess.run(
        command, cwd=ROOT, check=False, timeout=_LONGEST, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    said = run.stdout.strip()
    console.print(f"{topology}: {TOLD[topology]}: {said.rpartition(chr(10))[2]}", highlight=False, markup=False)
    if run.returncode:
        console.print(said, run.stderr, highlight=False, markup=False)
    return run.returncode


def _read(folder: Path) -> dict[str, Transcript]:
    return {
        path.stem: msgspec.json.decode(path.read_bytes(), type=Transcript) for path in sorted(folder.glob("*.json"))
    }


def _table(journeys: Sequence[Compared], topologies: Sequence[str]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("journey", overflow="ellipsis", no_wrap=True)
    for heading in ("answers", "events"):
        table.add_column(heading, justify="right")
    table.add_column("state")
    for topology in topologies:
        table.add_column(topology)
    for journey in journeys:
        verdicts = (journey.verdicts.get(one, "did not end") for one in topologies)
        colours = ("green" if verdict == "same" else "bold red" for verdict in verdicts)
        shown = (journey.verdicts.get(one, "did not end") for one in topologies)
        cells = [f"[{colour}]{verdict}[/]" for colour, verdict in zip(colours, shown, strict=True)]
        table.add_row(journey.title, str(journey.answers), str(journey.events), journey.state, *cells)
    return table


def _differences(journeys: Sequence[Compared], console: Console) -> None:
    for journey in journeys:
        for line in journey.differences[:_MOST_SHOWN]:
            console.print(f"{journey.title}: {line[:_WIDEST]}", highlight=False, markup=False)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m parity", description=__doc__)
    parser.add_argument("--topology", action="append", choices=TOPOLOGIES, help="only these, beside one process")
    parser.add_argument("--journeys", default="", help="only those whose names have this")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
