"""One context by itself as a server: it answers, passes on what it commits, hears its queue, and runs its jobs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from litestar.types import ASGIApp

from shop.entrypoints.alone import SWEEP, consumer_of, jobs_of, relay_of
from shop.entrypoints.alone_api import app_of
from shop.entrypoints.feed_alone import feed_of
from shop.entrypoints.traced import closed, see_alone
from shop.kernel.clock import Clock
from shop.kernel.events import Cause
from shop.platform.aws_reach import reached
from shop.platform.bus_aws import Poller, Relay
from shop.platform.container_aws import Role
from shop.platform.jobs import repeated
from shop.platform.observability import told_of
from shop.platform.operations import OperationsApi
from shop.platform.passing_on import PassingOn
from shop.platform.settings import Settings, keys_given
from shop.platform.storage.port import Unavailable

_PATIENCE = 2.0  # seconds for reactions, and for what is passed on, when it stops

log = structlog.get_logger("shop.bus")


@dataclass(frozen=True, slots=True)
class AloneShop:
    """A context that is open and serves."""

    app: ASGIApp
    bus: Poller
    clock: Clock

    def ends(self) -> None:
        """Every answer of it has an end."""


@asynccontextmanager
async def opened_alone(settings: Settings, *, name: str) -> AsyncIterator[AloneShop]:
    """Open the context as a server, until the end of the block. `OutOfReach` if its stack is not to be had."""
    house = _kind(name)(settings=settings, role=Role.SERVER)
    keys_given(os.environ, house.keys())
    see_alone(house)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(closed, house.platform.tracing())
        aws, store = house.platform.aws(), house.platform.store()
        with reached(stack=settings.stack):
            await aws.open()
            stack.push_async_callback(aws.close)
            poller = Poller(consumer_of(house))
            app = _app(house, settings, poller)
            await store.probe()
            await poller.backlog()
        reader = house.reader()
        if reader is not None:
            stack.push_async_callback(reader.close)
            await reader.open()
        passing_on = PassingOn(relay_of(house).publish)
        store.committed = passing_on.committed
        stack.push_async_callback(passing_on.stop, patience=_PATIENCE)
        await poller.start()
        stack.push_async_callback(poller.stop, patience=_PATIENCE)
        jobs = [asyncio.create_task(job) for job in repeated(jobs_of(house), clock=house.platform.clock())]
        jobs.append(asyncio.create_task(_take_over(relay_of(house))))
        stack.push_async_callback(_cancel, jobs)
        yield AloneShop(app, poller, house.platform.clock())


def _kind(name: str) -> Any:
    """None but this context is loaded."""
    if name == "catalog":
        from shop.entrypoints.catalog_alone import CatalogAlone as Kind  # noqa: PLC0415
    elif name == "orders":
        from shop.entrypoints.orders_alone import OrdersAlone as Kind  # type: ignore[assignment]  # noqa: PLC0415
    else:
        from shop.entrypoints.rewards_alone import RewardsAlone as Kind  # type: ignore[assignment]  # noqa: PLC0415
    return Kind


async def _take_over(relay: Relay) -> None:
    """What a server before it has committed and not passed on need not wait for the job. Others' may go twice."""
    try:
        await relay.sweep(Cause(id=f"job_{SWEEP}"), overdue=timedelta())
    except Unavailable as error:
        log.warning("outbox.left_to_the_sweep", reason=told_of(error))


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _app(house: Any, settings: Settings, poller: Poller) -> ASGIApp:
    clock, store = house.platform.clock(), house.platform.store()
    operations = OperationsApi(store=store, backlog=poller.backlog, figures=house.platform.figures(), clock=clock)
    feed = feed_of(house.platform.aws(), settings=settings, clock=clock)
    return app_of(house, more=[*feed.routes(), *operations.routes()])
