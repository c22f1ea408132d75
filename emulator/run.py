"""MiniStack on a free port of 127.0.0.1, with a bare environment and a folder of its own that is gone at the end.

It ends with who began it, even when that is killed.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from torture.leash import leashed

REGION = "eu-central-1"
ROOT = Path(__file__).parents[1]

_PYTHON = ROOT / ".venv-emulator/bin/python"
_HOST = "127.0.0.1"
_PATIENCE = 60  # seconds for it to answer: on a busy machine it imports for a while
_MANNERS = 10  # seconds for it to end when it is asked to
_TRIES = 5  # ports that others may take in between
_BARE: Mapping[str, str] = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "BIND_HOST": _HOST,  # it would listen on every address, and it runs what is uploaded
    "IOT_MTLS_ENABLED": "0",
    "LOG_LEVEL": "WARNING",
    "MINISTACK_REGION": REGION,
    "PYTHONUNBUFFERED": "1",
    "SFTP_ENABLED": "0",
}


@dataclass(frozen=True)
class Emulator:
    """An emulator that answers."""

    url: str
    folder: Path = field(repr=False)

    @property
    def environ(self) -> dict[str, str]:
        """What a process needs in its environment to take it for AWS."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",  # of whom may do anything, where permissions are checked
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @property
    def log(self) -> str:
        """What it has said so far."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")


@contextmanager
def running(*, auth: bool = False, environ: Mapping[str, str] | None = None) -> Iterator[Emulator]:
    """Begin one and wait until it answers; `RuntimeError` with what it said if it does not.

    `auth`: permissions are checked on what Lambdas ask for. `environ`: of the emulator, besides what it needs.
    """
    if not _PYTHON.exists():
        raise RuntimeError("the emulator is not installed: `make test-aws` does it")
    folder = Path(tempfile.mkdtemp(prefix="shop-aws-"))
    try:
        own = {**_BARE, "AUTH": str(auth).lower(), "HOME": str(folder), "TMPDIR": str(folder), **(environ or {})}
        emulator, process = _started(folder, own)
        try:
            yield emulator
        finally:
            _end(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # its last processes may still write


def _started(folder: Path, environ: Mapping[str, str]) -> tuple[Emulator, subprocess.Popen[bytes]]:
    said = ""
    for _ in range(_TRIES):
        port = _free_port()
        emulator = Emulator(f"http://{_HOST}:{port}", folder)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                leashed(str(_PYTHON), "-m", "ministack"),
                env={"PATH": os.defpath, **environ, "GATEWAY_PORT": str(port)},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if _answers(emulator, process):
            return emulator, process
        _end(process)
        said = emulator.log
        if "already in use" not in said:
            break
    raise RuntimeError(f"the emulator does not start: {said[-2000:]}")


def _answers(emulator: Emulator, process: subprocess.Popen[bytes]) -> bool:
    until = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{emulator.url}/_ministack/health", timeout=5):  # noqa: S310 - ours
                return process.poll() is None
        except OSError:
            time.sleep(0.02)
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """And whatever it has begun: the processes of Lambdas are in its session."""
    process.terminate()
    try:
        process.wait(_MANNERS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port
