"""The scheduled jobs of a server: each runs every so often for as long as the server does."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator

import structlog

from shop.kernel.clock import Clock
from shop.kernel.events import Cause
from shop.platform.bus import Job, Jobs
from shop.platform.retry import TRIES_OF_OURS, tried

_LOOK = 1.0  # seconds between looks at the clock

log = structlog.get_logger("shop.bus")


def repeated(jobs: Jobs, *, clock: Clock) -> Iterator[Coroutine[None, None, None]]:
    """A loop for each job, to be made a task and cancelled in the end. What fails is logged and runs again when due."""
    return (_repeat(name, job, clock) for name, job in jobs.items())


async def _repeat(name: str, job: Job, clock: Clock) -> None:
    due = clock() + job.every
    while True:
        due = min(due, clock() + job.every)  # a clock that was set back does not hold it up
        if clock() >= due:
            due = clock() + job.every
            try:
                await tried(TRIES_OF_OURS, job.run, Cause(id=f"job_{name}"))
            except Exception:
                log.exception("job.failed", job=name)
        await asyncio.sleep(_LOOK)
