"""The bus: at least once, in any order. What a context hears is a table `{event type: reaction}`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from shop.kernel.events import Cause, Envelope

Reaction = Callable[[Envelope, Cause], Awaitable[None]]
Reactions = Mapping[str, Reaction]  # event type -> reaction
Consumers = Mapping[str, Reactions]  # context -> its reactions

_DOUBLING = 6  # 1, 2, 4, 8, 16, 32 minutes
_STEADY = timedelta(minutes=81)
MOST_ATTEMPTS = 24  # the last one 24 hours after the first


@dataclass(frozen=True, slots=True)
class OnceMore:
    """A reaction that is to come once more after a while where what it makes others read anew may lag behind."""

    react: Reaction
    after: timedelta

    async def __call__(self, envelope: Envelope, cause: Cause) -> None:
        """The reaction."""
        await self.react(envelope, cause)


@dataclass(frozen=True, slots=True)
class Job:
    """Something done every so often; it may be cut off anywhere and done again."""

    every: timedelta
    run: Callable[[Cause], Awaitable[None]]


Jobs = Mapping[str, Job]


class Backlog(NamedTuple):
    """Deliveries that are not ended: those that are made or tried again, and dead letters."""

    waiting: int
    dead: int
    due: datetime | None  # when the first of those that wait was, or is, to be made; None also where nobody can tell


def routes(consumers: Consumers) -> dict[str, tuple[str, ...]]:
    """Who listens to what: `{event type: consumers}`."""
    types = {kind for reactions in consumers.values() for kind in reactions}
    return {kind: tuple(sorted(name for name, heard in consumers.items() if kind in heard)) for kind in sorted(types)}


def wait_after(attempts: int, *, most: int = MOST_ATTEMPTS) -> timedelta | None:
    """How long after this many failed attempts, of so many at most, comes the next; None: never.

    Seed «Event Delivery Failure».
    """
    if attempts >= most:
        return None
    return timedelta(minutes=2 ** (attempts - 1)) if attempts <= _DOUBLING else _STEADY
