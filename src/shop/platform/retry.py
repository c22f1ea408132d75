"""Acts are run again on `Conflict`: they have no effect before their commit, which is their last step."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from shop.kernel.errors import Clash
from shop.platform.storage.port import Conflict

P = ParamSpec("P")
T = TypeVar("T")

TRIES_OF_OURS = 50  # of a reaction or job that others overtake: 64 orders of one customer may be completed at once
_TRIES = 5
_LONGEST_WAIT = 0.25  # seconds


class Busy(Clash):
    """Others change the same thing too often; trying again later may go through."""

    code = "busy"


async def again(act: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run the act; on `Conflict` again, up to five times in all, with jitter; then `Busy`."""
    return await tried(_TRIES, act, *args, **kwargs)


async def tried(times: int, act: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """As `again`, up to so many times: for who has nobody waiting for an answer."""
    for attempt in range(times):
        try:
            return await act(*args, **kwargs)
        except Conflict:
            longest = min(0.002 * 2**attempt, _LONGEST_WAIT)
            await asyncio.sleep(random.random() * longest)  # noqa: S311 - jitter, not a secret
    raise Busy("others change this at the same time: try again", retry_after=1)
