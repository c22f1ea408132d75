"""Many things to do, some of them at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

T = TypeVar("T")
Progress = Callable[[str, int, int], None]  # (phase, done, of how many)


def unseen(_phase: str, _done: int, _of: int) -> None:
    """Progress that nobody looks at."""


async def each(
    items: Sequence[T], do: Callable[[T], Awaitable[None]], *, at_once: int, phase: str, progress: Progress
) -> None:
    """Do it for every item. The first that raises ends all."""
    waiting, done = iter(items), 0
    progress(phase, 0, len(items))

    async def work() -> None:
        nonlocal done
        for item in waiting:
            await do(item)
            done += 1
            progress(phase, done, len(items))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(at_once, len(items))):
                group.create_task(work())
    except ExceptionGroup as several:
        raise several.exceptions[0] from None


class Queues:
    """One per thing, joined in the order in which they come by all who want it."""

    def __init__(self) -> None:
        self._last: dict[str, asyncio.Event] = {}

    @asynccontextmanager
    async def turn(self, things: Collection[str]) -> AsyncIterator[None]:
        """Wait for who came before and wants one of these too. Nobody waits for who comes later: no deadlock."""
        done = asyncio.Event()
        before = {self._last[thing] for thing in things if thing in self._last}
        self._last.update(dict.fromkeys(things, done))
        try:
            for other in before:
                await other.wait()
            yield
        finally:
            done.set()
