"""A circuit breaker: who does not answer is left alone for a while (seed «Circuit Breaker State Machine»)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum


class State(Enum):
    """Closed: calls go through. Open: none does. Half-open: one does, as a trial."""

    CLOSED = "closed"
    HALF_OPEN = "half-open"
    OPEN = "open"


class CircuitOpen(Exception):
    """The call was not made; `retry_after`: seconds until one may be."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("the circuit is open")
        self.retry_after = retry_after


class Breaker:
    """Opens after so many failures without a success between them, within so many seconds, for so many seconds."""

    def __init__(
        self, *, now: Callable[[], float], failures: int = 5, within: float = 60.0, opens_for: float = 60.0
    ) -> None:
        """`now`: monotonic seconds."""
        self._now = now
        self._within = within
        self._opens_for = opens_for
        self._failed: deque[float] = deque(maxlen=failures)
        self._opened: float | None = None
        self._trial: int | None = None  # the call that is tried
        self._tried = False  # since it has opened: a trial that is abandoned leaves it half-open
        self._call = 0
        self._counts_from = 0  # calls before this one were made in another state, and say nothing of this one
        self.changes = dict.fromkeys(State, 0)  # how often it has come into each state

    @property
    def opened(self) -> int:
        """How often it has opened."""
        return self.changes[State.OPEN]

    @property
    def state(self) -> State:
        """As a call would meet it now."""
        if self._opened is None:
            return State.CLOSED
        return State.HALF_OPEN if self._now() >= self._opened + self._opens_for else State.OPEN

    def admit(self) -> int:
        """Ask before each call, and say how it ended: `succeeded`, `failed` or `abandoned`. `CircuitOpen` if it may
        not be made.
        """
        self._call += 1
        if self._opened is not None:
            remaining = self._opened + self._opens_for - self._now()
            if remaining > 0:
                raise CircuitOpen(remaining)
            if self._trial is not None:
                raise CircuitOpen(1.0)
            self._trial = self._counts_from = self._call
            self.changes[State.HALF_OPEN] += not self._tried
            self._tried = True
        return self._call

    def succeeded(self, call: int) -> None:
        """It was answered."""
        if call >= self._counts_from and (self._opened is None or call == self._trial):
            self._failed.clear()
            if self._opened is not None:
                self.changes[State.CLOSED] += 1
            self._opened = self._trial = None

    def failed(self, call: int) -> None:
        """It was not answered, or with a failure of the other's."""
        if call < self._counts_from:
            return
        now = self._now()
        self._failed.append(now)
        if call == self._trial or (
            self._opened is None and len(self._failed) == self._failed.maxlen and now - self._failed[0] <= self._within
        ):
            self._opened, self._trial, self._tried = now, None, False
            self._counts_from = self._call + 1
            self._failed.clear()
            self.changes[State.OPEN] += 1

    def abandoned(self, call: int) -> None:
        """Whoever made it has gone: nobody knows how it would have ended."""
        if call == self._trial:
            self._trial = None
