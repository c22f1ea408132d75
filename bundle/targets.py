"""Where the zip shall run: which wheels it takes, and which Python can compile for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_ASK = "import sys; print('%d.%d' % sys.version_info[:2])"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A platform by its name for uv (none: this one) and a Python, `3.13`."""

    name: str
    python: str
    platform: str | None = None

    @property
    def file_name(self) -> str:
        """Of its zip."""
        return f"lambda-{self.name}.zip"

    @property
    def layer_name(self) -> str:
        """Of the zip of its layer."""
        return f"lambda-{self.name}-spans.zip"

    def wheels(self) -> list[str]:
        """Arguments for `uv pip install`."""
        if self.platform is None:
            return ["--python", sys.executable]
        return ["--python-platform", self.platform, "--python-version", self.python]

    def interpreter(self) -> str | None:
        """One whose bytecode the target reads; None if this machine has none."""
        return next((path for path in self._candidates() if _minor(path) == self.python), None)

    def _candidates(self) -> Iterator[str]:
        yield sys.executable
        yield shutil.which(f"python{self.python}") or sys.executable
        versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
        yield from map(str, sorted(versions.glob(f"{self.python}*/bin/python{self.python}")))


# Lambda's image is Amazon Linux 2023: glibc 2.34.
AWS = Target(name="arm64-3.13", python="3.13", platform="aarch64-manylinux_2_34")
LOCAL = Target(name="local", python=f"{sys.version_info.major}.{sys.version_info.minor}")
TARGETS = {"aws": AWS, "local": LOCAL}


def _minor(path: str) -> str | None:
    try:
        told = subprocess.run([path, "-I", "-c", _ASK], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None  # not there, or a shim of a version that is not chosen
    return told.stdout.strip()
