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

_TRIES = 5


class Busy(Clash):
    """Others change the same thing too often; trying again later may go through."""

    code = "busy"


async def again(act: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run the act; on `Conflict` again, up to five times in all, with jitter; then `Busy`."""
    for attempt in range(_TRIES):
        try:
            return await act(*args, **kwargs)
        except Conflict:
            await asyncio.sleep(random.random() * 0.002 * 2**attempt)  # noqa: S311 - jitter, not a secret
    raise Busy("others change this at the same time: try again", retry_after=1)
