"""What the platform does every so often so that the store does not grow for ever."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import structlog

from shop.kernel.clock import Clock
from shop.kernel.events import Cause
from shop.platform.bus import Job, Jobs
from shop.platform.storage import sqlite_retention as retention
from shop.platform.storage.sqlite_file import SqliteFile

_EVERY = timedelta(minutes=5)
_PAGE = 500

log = structlog.get_logger("shop.housekeeping")


@dataclass(frozen=True, slots=True, kw_only=True)
class Housekeeping:
    """Deletes some at a time, each time a commit of its own, and so many times in one run: what is left has time."""

    file: SqliteFile
    clock: Clock
    keep: timedelta  # events, once they are delivered
    most_pages: int = 200  # of one run

    def table(self) -> Jobs:
        """`{name: job}`."""
        return {
            "forget-events": Job(every=_EVERY, run=self.forget_events),
            "purge-documents": Job(every=_EVERY, run=self.purge_documents),
        }

    async def forget_events(self, _: Cause) -> None:
        """Events that are old and delivered; what is still to be delivered, or dead, stays with its deliveries."""
        before, count = self.clock() - self.keep, 0
        after: int | None = 0
        for _page in range(self.most_pages):
            old, after = await self.file.read_aside(
                lambda connection, after=after: retention.old_events(  # type: ignore[misc]
                    connection, after=after, before=before, most=_PAGE
                )
            )
            if old:
                await self.file.write(lambda connection, old=old: retention.forget(connection, old))  # type: ignore[misc]
            count += len(old)
            if after is None:
                break
        if count:
            log.info("events.forgotten", count=count)

    async def purge_documents(self, _: Cause) -> None:
        """Documents that have expired, which nobody can read any more."""
        for context in self.file.read(retention.contexts):
            await self._purge(context)

    async def _purge(self, context: str) -> None:
        now = self.clock()
        for _page in range(self.most_pages):
            gone = await self.file.read_aside(
                lambda connection: retention.expired(connection, context, now=now, most=_PAGE)
            )
            if not gone:
                break
            await self.file.write(
                lambda connection, gone=gone: retention.purge(connection, context, gone, now=now)  # type: ignore[misc]
            )
