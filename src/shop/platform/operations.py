"""What those who run the shop ask of it: is it ready, and how does it do.

Anyone may call these routes: they are for the private network, and tell nothing about people or products. A proxy that
faces the outside need not pass `/metrics` on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from shop.kernel.clock import Clock
from shop.kernel.errors import TryLater
from shop.platform.answers import answers
from shop.platform.bus import Backlog
from shop.platform.figures import Figures
from shop.platform.metrics import DELIVERIES, OVERDUE_SECONDS
from shop.platform.prometheus import CONTENT_TYPE, Prometheus
from shop.platform.storage.port import Unavailable
from shop.platform.web import anyone, reply

_PATIENCE = 2.0  # seconds for the store
_MOST_OVERDUE = timedelta(minutes=5)


class NotReady(TryLater):
    """Requests would not be answered, or what they cause would not be done soon."""

    code = "not-ready"


class Store(Protocol):
    """What is asked of where the records are kept."""

    async def probe(self) -> None:
        """`Unavailable` if it cannot be read and written."""


@dataclass(frozen=True, kw_only=True)
class OperationsApi:
    """The routes of operations and what each of them does."""

    store: Store
    backlog: Callable[[], Awaitable[Backlog]]
    figures: Figures
    clock: Clock
    _prometheus: Prometheus = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_prometheus", Prometheus(self.figures))

    def routes(self) -> list[HTTPRouteHandler]:
        """Path, who may call, what happens."""
        return [
            get("/health/ready", before_request=anyone, opt=answers(NotReady))(self.ready),
            get("/metrics", before_request=anyone, opt=answers(), media_type="text/plain")(self.scraped),
        ]

    async def ready(self) -> Response[dict[str, str]]:
        """The store can be read and written, and what was caused is done. Otherwise 503, with what is the matter."""
        try:
            async with asyncio.timeout(_PATIENCE):
                await self.store.probe()
                backlog = await self.backlog()
        except TimeoutError as error:
            raise NotReady(f"the store did not answer within {_PATIENCE:g} s", retry_after=5) from error
        except Unavailable as error:
            raise NotReady("the store cannot be read or written: the log says why", retry_after=5) from error
        overdue = self.clock() - backlog.due if backlog.due else timedelta()
        if overdue > _MOST_OVERDUE:
            told = f"the oldest delivery is overdue by {overdue // timedelta(seconds=1)} s, {backlog.waiting} wait"
            raise NotReady(told, retry_after=30)
        return reply({"status": "ok"})

    async def scraped(self) -> Response[bytes]:
        """Figures for Prometheus, of this process since it began."""
        backlog = await self.backlog()
        overdue = max(timedelta(), self.clock() - backlog.due) if backlog.due else timedelta()
        self.figures.set(DELIVERIES, "waiting", to=backlog.waiting)
        self.figures.set(DELIVERIES, "dead", to=backlog.dead)
        self.figures.set(OVERDUE_SECONDS, to=overdue.total_seconds())
        body = self._prometheus.text()
        return Response(body, headers={"Cache-Control": "no-store"}, media_type=CONTENT_TYPE)
