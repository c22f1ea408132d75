"""`python leash.py PARENT COMMAND…`: become the command, which the system kills when its parent ends, in any way.

Linux: prctl(2), PR_SET_PDEATHSIG, which outlives execve(2). Elsewhere it only becomes the command.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def leashed(*command: str) -> list[str]:
    """The command for a process that does not outlive us, not even when we are killed."""
    return [sys.executable, "-S", "-E", __file__, str(os.getpid()), *command]


def _main(parent: int, *command: str) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the parent has ended already")
    os.execv(command[0], command)


if __name__ == "__main__":
    _main(int(sys.argv[1]), *sys.argv[2:])
