"""`shop serve` as a process of its own: started, killed with SIGKILL, started again, ended whatever happens."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from torture.leash import leashed
from torture.wire import Line

HOST = "127.0.0.1"
SHOP = [str(Path(sys.executable).with_name("shop"))]
# Below the ports that systems give to who connects: while the server is down, a client could be given its very port.
_PORTS = range(20_000, 30_000)
_PATIENCE = 60  # seconds for a server to answer, or to finish


@dataclass
class Server:
    """A shop on its own folder and port. `up` while it answers; `starts` are the seconds until it first did.

    `serve`: the command, which takes `--host` and `--port`; `settings`: of its environment, beside the folder.
    """

    data: Path
    port: int
    serve: Sequence[str] = (*SHOP, "serve")
    settings: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    up: asyncio.Event = field(default_factory=asyncio.Event)
    starts: list[float] = field(default_factory=list)
    kills: int = 0

    def spawn(self) -> None:
        """Begin to start it."""
        shop = [*self.serve, "--host", HOST, "--port", str(self.port)]
        with (self.data / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                leashed(*shop),
                env={**os.environ, "SHOP_LOG": "error", **self.settings, "SHOP_DATA": str(self.data)},
                stdout=log,
                stderr=log,
            )

    async def start(self) -> None:
        """Start it and wait until it answers; `RuntimeError` if it ends instead, with what it said."""
        self.spawn()
        await self.answering()

    async def answering(self) -> None:
        """Wait until one that was spawned answers; `RuntimeError` as when it is started."""
        began = time.perf_counter()
        while not await self._answers():
            if self.process is None or self.process.poll() is not None or time.perf_counter() - began > _PATIENCE:
                raise RuntimeError(f"the server does not start: {self.log()}")
            await asyncio.sleep(0.005)
        self.starts.append(time.perf_counter() - began)
        self.up.set()

    def kill(self) -> None:
        """`kill -9`, wherever it is."""
        self.up.clear()
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
            self.kills += 1

    def ask_to_stop(self) -> None:
        """As a service manager does."""
        self.up.clear()
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)

    def stop(self) -> int:
        """Ask it to, and wait; its exit code."""
        self.ask_to_stop()
        code = self.process.wait(_PATIENCE) if self.process is not None else 0
        self.process = None
        return code

    def ended_by_itself(self) -> bool:
        """Whether it is gone though nobody has killed it."""
        return self.up.is_set() and self.process is not None and self.process.poll() is not None

    def log(self) -> str:
        """The end of what it said."""
        return (self.data / "server.log").read_text(encoding="utf-8", errors="replace")[-2000:]

    async def _answers(self) -> bool:
        line = Line(HOST, self.port)
        try:
            return (await line.ask("GET", "/health/live")).status == 200  # noqa: PLR2004
        except (OSError, EOFError):
            return False
        finally:
            line.close()


@contextmanager
def serving(
    data: Path, *, serve: Sequence[str] = (*SHOP, "serve"), settings: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """A server that is not running yet; at the end it does not run any more."""
    data.mkdir(parents=True, exist_ok=True)
    server = Server(data, _free_port(), serve, settings or {})
    try:
        yield server
    finally:
        server.kill()


def _free_port() -> int:
    for port in (_PORTS[(os.getpid() * 37 + step) % len(_PORTS)] for step in range(len(_PORTS))):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise OSError(f"no port is free among {_PORTS}")
