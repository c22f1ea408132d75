"""What those who run the shop ask of it: is it ready, and how does it do.

Anyone may call these routes: they are for the private network, and tell nothing about people or products. A proxy that
faces the outside need not pass `/metrics` on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from shop.kernel.clock import Clock
from shop.kernel.errors import TryLater
from shop.platform.answers import answers
from shop.platform.bus import Backlog
from shop.platform.http.breaker import Breaker, State
from shop.platform.http.client import Client
from shop.platform.metrics import CONTENT_TYPE, Metrics
from shop.platform.storage.port import Unavailable
from shop.platform.storage.sqlite_file import Statistics
from shop.platform.web import anyone, reply

_PATIENCE = 2.0  # seconds for the store
_MOST_OVERDUE = timedelta(minutes=5)


class NotReady(TryLater):
    """Requests would not be answered, or what they cause would not be done soon."""

    code = "not-ready"


class Store(Protocol):
    """What is asked of where the records are kept."""

    @property
    def published(self) -> Mapping[str, int]:
        """Events by type, since it was opened."""

    @property
    def statistics(self) -> Statistics | None:
        """What its writer did since then, if it has one."""

    async def probe(self) -> None:
        """`Unavailable` if it cannot be read and written."""


@dataclass(frozen=True, kw_only=True)
class OperationsApi:
    """The routes of operations and what each of them does."""

    store: Store
    backlog: Callable[[], Awaitable[Backlog]]
    reads: Client | None  # who reads nothing of another context has none
    breakers: Mapping[str, Breaker]  # by what they stand before
    metrics: Metrics
    clock: Clock

    def routes(self) -> list[HTTPRouteHandler]:
        """Path, who may call, what happens."""
        return [
            get("/health/ready", before_request=anyone, opt=answers(NotReady))(self.ready),
            get("/metrics", before_request=anyone, opt=answers(), media_type="text/plain")(self.figures),
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

    async def figures(self) -> Response[bytes]:
        """Figures for Prometheus, of this process since it began."""
        body = self.metrics.text(self._of_the_store(await self.backlog()))
        return Response(body, headers={"Cache-Control": "no-store"}, media_type=CONTENT_TYPE)

    def _of_the_store(self, backlog: Backlog) -> Iterator[Metric]:
        overdue = max(timedelta(), self.clock() - backlog.due) if backlog.due else timedelta()
        events = CounterMetricFamily(
            "shop_events_published", "Events committed: `order.created` are orders placed.", labels=["type"]
        )
        for kind, count in sorted(self.store.published.items()):
            events.add_metric([kind], count)
        reads = CounterMetricFamily("shop_catalog_reads", "Products that orders asked for.", labels=["answered_by"])
        for layer, count in self.reads.answered_by.items() if self.reads else ():
            reads.add_metric([layer], count)
        circuit = GaugeMetricFamily("shop_circuit", "1 for the state that calls meet now.", labels=["to", "state"])
        opened = CounterMetricFamily("shop_circuit_opened", "How often it was opened.", labels=["to"])
        for to, breaker in self.breakers.items():
            opened.add_metric([to], breaker.opened)
            for state in State:
                circuit.add_metric([to, state.value], float(breaker.state is state))
        deliveries = GaugeMetricFamily("shop_deliveries", "Deliveries that are not ended.", labels=["state"])
        deliveries.add_metric(["waiting"], backlog.waiting)
        deliveries.add_metric(["dead"], backlog.dead)
        yield from (events, reads, circuit, opened, deliveries)
        yield GaugeMetricFamily("shop_oldest_delivery_overdue_seconds", "By how much.", value=overdue.total_seconds())
        if (did := self.store.statistics) is not None:
            units, commits = "Acts committed, and deliveries ended.", "Syncs of the disk: each commits many units."
            yield CounterMetricFamily("shop_store_units", units, value=did.units)
            yield CounterMetricFamily("shop_store_commits", commits, value=did.groups)
