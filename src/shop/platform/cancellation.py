"""A task that was cancelled ends, also where a library has swallowed that."""

from __future__ import annotations

import asyncio


def heed_cancellation() -> None:
    """`CancelledError` if this task has been cancelled and goes on.

    Python 3.11's `asyncio.wait_for` swallows it when what it waits for ends in the same moment, and redis-py sends each
    command through it: a task that loops would never end, a call would outlive its budget.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
