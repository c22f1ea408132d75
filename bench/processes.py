"""The servers as processes: started on their core, asked for figures, stopped whatever happens."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

_PATIENCE = 15  # seconds for a server to finish


@dataclass(frozen=True, slots=True)
class Cores:
    """Where servers and load run; -1: wherever the system puts them."""

    server: int
    load: int

    @property
    def apart(self) -> bool:
        """Whether they cannot take each other's time."""
        return self.server >= 0


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers, on one port or on several."""

    ports: Sequence[int]
    process: subprocess.Popen[bytes]

    @property
    def port(self) -> int:
        """The first one."""
        return self.ports[0]

    def at(self, port: int) -> Server:
        """The same process, asked there."""
        return replace(self, ports=[port])

    def figures(self) -> dict[str, Any]:
        """What it says of itself: CPU seconds, and what else it knows."""
        if self.process.stdin is None:
            raise ConnectionError("the server cannot be asked")
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        return _line(self.process)


def cores() -> Cores:
    """The first core for the server, the second for the load, where there are two and they can be chosen."""
    if not hasattr(os, "sched_getaffinity"):
        return Cores(-1, -1)
    ours = sorted(os.sched_getaffinity(0))
    return Cores(ours[0], ours[1]) if len(ours) > 1 else Cores(-1, -1)


@contextmanager
def started(module: str, *arguments: str, folder: Path, core: int, environ: Mapping[str, str]) -> Iterator[Server]:
    """`python -m module folder core …`, ready to be asked; what it logs goes to a file, as a server's log does."""
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", module, str(folder), str(core), *arguments]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env={**os.environ, **environ}
        )
        try:
            try:
                ports = _line(process)["ports"]
            except EOFError:
                raise EOFError(f"{module} did not start: {(folder / 'log').read_text()[-2000:]}") from None
            yield Server(ports, process)
        finally:
            _stop(process)


def _line(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    line = process.stdout.readline() if process.stdout else b""
    if not line:
        raise EOFError(f"process {process.pid} says nothing")
    told: dict[str, Any] = msgspec.json.decode(line)
    return told


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.stdin:
        process.stdin.close()  # which ends it
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()
