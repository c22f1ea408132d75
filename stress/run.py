"""One run: a Valkey, a writer that is the origin too, some readers, each a process of its own."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from stress.told import Begun, Done, Seen, Written
from stress.verdict import Verdict, judged
from torture.leash import leashed
from torture.valkey import begun

T = TypeVar("T")

_ROOT = Path(__file__).parents[1]
_LONGEST = 64 * 1024 * 1024  # bytes of what a process tells
_PATIENCE = 300  # seconds for a run


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What chance decides comes of the seed; what the system decides, such as who is first, does not."""

    seed: int
    reads: int  # of an item, in all
    readers: int = 3
    items: int = 8


async def run(plan: Plan, *, without: Collection[str] = ()) -> Verdict:
    """Read while it is written, without these checks. `RuntimeError` if a process ends before it should."""
    with tempfile.TemporaryDirectory(prefix="stress-") as folder, begun(Path(folder)) as valkey:
        async with AsyncExitStack() as stack, asyncio.timeout(_PATIENCE):

            async def start(module: str, *arguments: object) -> Process:
                return await stack.enter_async_context(_started(module, *map(str, arguments)))

            writer = await start("stress.writer", valkey.url, plan.seed, plan.items)
            port = (await _told(writer, Begun)).port
            readers = [
                await start(
                    "stress.reader",
                    valkey.url,
                    port,
                    f"{plan.seed}/{number}",
                    plan.items,
                    plan.reads // plan.readers,
                    *without,
                )
                for number in range(plan.readers)
            ]
            for reader in readers:
                await _told(reader, Begun)
            for process in (writer, *readers):
                _nod(process)
            for reader in readers:
                await _told(reader, Done)
            _nod(writer)
            written = await _told(writer, Written)
            return judged(written, [await _told(reader, Seen) for reader in readers])


@asynccontextmanager
async def _started(module: str, *arguments: str) -> AsyncIterator[Process]:
    command = leashed(sys.executable, "-m", module, *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, cwd=_ROOT, limit=_LONGEST)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def _nod(process: Process) -> None:
    if process.stdin:
        process.stdin.write(b"\n")


async def _told(process: Process, what: type[T]) -> T:
    line = await process.stdout.readline() if process.stdout else b""
    if not line:
        raise RuntimeError(f"a process of the stress has ended with {await process.wait()}")
    return msgspec.json.decode(line, type=what)
