"""What becomes of events, told as it happens to those who count it or show it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

import structlog

from shop.kernel.events import Envelope

log = structlog.get_logger("shop.bus")


class Watcher(Protocol):
    """Hears what becomes of events in this process, on its event loop: it neither waits nor fails."""

    def committed(self, events: Sequence[Envelope]) -> None:
        """These are in the store, with what caused them."""

    def published(self, events: Sequence[Envelope]) -> None:
        """The bus has these, for each of their consumers; more than once where it cannot know."""

    def delivered(self, event: Envelope, *, consumer: str, attempts: int) -> None:
        """It has had its effect there, after so many attempts."""

    def failed(self, event: Envelope, *, consumer: str, attempts: int, wait: timedelta | None, reason: str) -> None:
        """It has not, and is tried again after so long; None: it is a dead letter."""


class Watchers:
    """Several; none of them: nobody hears. One that fails all the same is logged, once, and holds nothing up."""

    def __init__(self, *watchers: Watcher) -> None:
        flat = (one._watchers if isinstance(one, Watchers) else (one,) for one in watchers)  # noqa: SLF001 - our own
        self._watchers: tuple[Watcher, ...] = tuple(watcher for some in flat for watcher in some)
        self._failed: set[int] = set()

    def committed(self, events: Sequence[Envelope]) -> None:
        """Tell them all."""
        for watcher in self._watchers:
            try:
                watcher.committed(events)
            except Exception as error:  # noqa: BLE001 - it only looks on
                self._log(watcher, error)

    def published(self, events: Sequence[Envelope]) -> None:
        """Tell them all."""
        for watcher in self._watchers:
            try:
                watcher.published(events)
            except Exception as error:  # noqa: BLE001 - it only looks on
                self._log(watcher, error)

    def delivered(self, event: Envelope, *, consumer: str, attempts: int) -> None:
        """Tell them all."""
        for watcher in self._watchers:
            try:
                watcher.delivered(event, consumer=consumer, attempts=attempts)
            except Exception as error:  # noqa: BLE001 - it only looks on
                self._log(watcher, error)

    def failed(self, event: Envelope, *, consumer: str, attempts: int, wait: timedelta | None, reason: str) -> None:
        """Tell them all."""
        for watcher in self._watchers:
            try:
                watcher.failed(event, consumer=consumer, attempts=attempts, wait=wait, reason=reason)
            except Exception as error:  # noqa: BLE001 - it only looks on
                self._log(watcher, error)

    def _log(self, watcher: Watcher, error: Exception) -> None:
        if id(watcher) not in self._failed:
            self._failed.add(id(watcher))
            log.error("watcher.failed", watcher=type(watcher).__name__, exc_info=error)


NOBODY = Watchers()
