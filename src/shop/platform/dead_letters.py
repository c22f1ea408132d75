"""The port of what could not be delivered: to be seen, and to be delivered after all."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from datetime import datetime
from typing import NamedTuple, Protocol

Id = int | str  # a number in SQLite, a UUID in SQS


class DeadLetter(NamedTuple):
    """A delivery that failed as often as it may."""

    id: Id
    consumer: str
    event_id: str
    event_type: str
    since: datetime  # when it was given up; in SQS when it was sent
    attempts: int
    reason: str  # of the last failure, without data
    event: bytes  # the CloudEvent as JSON


class DeadLetters(Protocol):
    """Those of a shop. What is shown may be gone by now: a server beside it, or another command, may be at work."""

    def each(self) -> AsyncGenerator[DeadLetter, None]:
        """All of them, oldest first where the engine has an order; to be closed (`aclosing`) by who stops before."""

    async def count(self) -> int:
        """How many there are, as far as the engine can say."""

    async def one(self, identifier: Id) -> DeadLetter | None:
        """The dead letter; None if there is none of this id."""

    async def revive(self, identifiers: Collection[Id]) -> list[Id]:
        """Have them delivered as if they had never been tried; those of them that were dead."""

    async def revive_all(self) -> int:
        """The same with all that are dead by now; how many."""
