"""The whole shop in one process."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import cast

import httpx
from dependency_injector import containers, providers
from litestar.types import ASGIApp

from shop.catalog import contract as catalog_contract
from shop.catalog.container import CatalogContainer
from shop.entrypoints.outside import from_outside
from shop.entrypoints.playground import Playground
from shop.entrypoints.reading_the_catalog import reading, second_layer
from shop.entrypoints.traced import closed, see_all, seen
from shop.entrypoints.upgrade import upgrade_store
from shop.kernel.clock import Clock, system_clock
from shop.orders import contract as orders_contract
from shop.orders.container import OrdersContainer
from shop.platform.bus import Consumers
from shop.platform.bus_local import LocalBus, listen
from shop.platform.console.api import ConsoleApi
from shop.platform.console.chart import Chart, chart_of
from shop.platform.console.page import Page
from shop.platform.console.stream import Stream
from shop.platform.container import PlatformContainer
from shop.platform.event_figures import EventFigures
from shop.platform.feed import FeedApi, types_of
from shop.platform.figures import Figures
from shop.platform.housekeeping import Housekeeping
from shop.platform.http.breaker import Breaker
from shop.platform.http.figures import of_breakers, of_reader
from shop.platform.http.second_layer import SecondLayer
from shop.platform.journey import Watchers
from shop.platform.operations import OperationsApi
from shop.platform.server_lock import Place, one_of_several, only_server
from shop.platform.settings import Settings, WrongSetting
from shop.platform.storage.sqlite import SqliteStore
from shop.platform.storage.sqlite_dead_letters import SqliteDeadLetters
from shop.platform.storage.sqlite_file import of_writer
from shop.platform.storage.sqlite_log import SqliteLog
from shop.platform.storage.writes import of_writes
from shop.platform.tokens import Tokens
from shop.platform.web import build_app
from shop.rewards import contract as rewards_contract
from shop.rewards.container import RewardsContainer


def _chart(consumers: Consumers) -> Chart:
    contracts = {"orders": orders_contract, "catalog": catalog_contract, "rewards": rewards_contract}
    return chart_of(contracts, consumers)


def _breakers(catalog: Breaker, layer: SecondLayer | None) -> Mapping[str, Breaker]:
    return {"catalog": catalog, **({"redis": layer.breaker} if layer else {})}


class Monolith(containers.DeclarativeContainer):
    """Three contexts on one platform; orders asks the catalog through its HTTP API, without a network."""

    settings: providers.Dependency[Settings] = providers.Dependency()
    platform = providers.Container(PlatformContainer, settings=settings)
    clock, ids, store, tokens = platform.clock, platform.ids, platform.store, platform.tokens
    _seconds = providers.Object(time.monotonic)
    stream = providers.Singleton(Stream, clock=clock)
    figures = providers.Singleton(Figures)
    counted = providers.Singleton(
        EventFigures,
        figures,
        business={**CatalogContainer.counting(), **OrdersContainer.counting(), **RewardsContainer.counting()},
        clock=clock,
    )
    watcher = providers.Singleton(Watchers, counted, stream, platform.watcher)
    bus = providers.Singleton(
        LocalBus,
        store,
        clock=clock,
        may_wait=frozenset({orders_contract.OrderCreated.TYPE}),
        attempts=settings.provided.delivery_attempts,
        watcher=watcher,
    )

    catalog = providers.Container(CatalogContainer, engine=store, clock=clock, ids=ids)
    catalog_app = providers.Singleton(build_app, catalog.api.provided.routes.call(), tokens=tokens, ids=ids)
    catalog_network = providers.Singleton(httpx.ASGITransport, catalog_app)
    catalog_breaker = providers.Singleton(Breaker, now=_seconds)
    second_layer = providers.Singleton(second_layer, settings)
    catalog_client = providers.Singleton(
        reading,
        catalog_network,
        settings=settings,
        breaker=catalog_breaker,
        clock=clock,
        shared=second_layer,
        tracing=platform.tracing,
    )
    rewards = providers.Container(RewardsContainer, engine=store, clock=clock, ids=ids, settings=settings)
    orders = providers.Container(
        OrdersContainer,
        engine=store,
        catalog_client=catalog_client,
        clock=clock,
        ids=ids,
        settings=settings,
        admit=bus.provided.admit,
    )
    feed = providers.Singleton(
        FeedApi,
        log=providers.Singleton(SqliteLog, store.provided.file),
        types=types_of(catalog_contract, orders_contract, rewards_contract),
    )
    housekeeping = providers.Singleton(
        Housekeeping, file=store.provided.file, clock=clock, keep=settings.provided.event_retention
    )
    breakers = providers.Singleton(_breakers, catalog_breaker, second_layer)
    operations = providers.Singleton(
        OperationsApi,
        store=store,
        backlog=bus.provided.backlog,
        figures=figures,
        clock=clock,
    )
    consumers = providers.Dict(
        catalog=catalog.reactions.provided.table.call(),
        orders=orders.reactions.provided.table.call(),
        rewards=rewards.reactions.provided.table.call(),
    )
    console = providers.Singleton(
        ConsoleApi,
        chart=providers.Singleton(_chart, consumers),
        stream=stream,
        letters=providers.Singleton(SqliteDeadLetters, store.provided.file, clock),
        backlog=bus.provided.backlog,
        reads=catalog_client,
        breakers=breakers,
        clock=clock,
    )
    playground = providers.Singleton(
        Playground,
        tokens=tokens,
        payment_secret=settings.provided.payment_secrets[0],
        clock=clock,
        consumers=consumers,
        catalog=catalog.records,
    )


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop that is open: its store is, and if it serves, its deliveries are made."""

    app: ASGIApp
    bus: LocalBus
    store: SqliteStore
    clock: Clock
    tokens: Tokens
    catalog: CatalogContainer
    orders: OrdersContainer
    rewards: RewardsContainer
    stream: Stream

    def ends(self) -> None:
        """Whoever looks on is told no more."""
        self.stream.end()


@asynccontextmanager
async def opened(
    settings: Settings, *, serving: bool = False, playing: bool = False, clock: Clock = system_clock
) -> AsyncIterator[Shop]:
    """Open the shop; `serving`: as a server, which makes deliveries and runs jobs; `playing`: with a playground, for
    demos.

    A command opens it beside a server: what it commits is delivered by that server, or the next one. A store of an
    older shop is upgraded first.
    """
    if settings.storage != "sqlite":
        raise WrongSetting("this is for the embedded store: leave out SHOP_STORAGE=dynamodb")
    house = Monolith(settings=settings)
    house.platform.clock.override(providers.Object(clock))
    if serving:
        see_all(house)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(closed, house.platform.tracing())
        place = stack.enter_context(_place_of(settings)) if serving else None
        upgrade_store(settings, locked=place is not None and place.alone)
        store, bus = house.store(), house.bus()
        store.watcher = house.watcher()
        await store.open()
        stack.push_async_callback(store.close)
        stack.push_async_callback(house.catalog_client().close)
        for source in (
            of_writes(store.writes),
            of_writer(store.statistics),
            of_reader(house.catalog_client()),
            of_breakers(house.breakers()),
        ):
            house.figures().also(source)
        consumers = house.playground().breakable() if playing else house.consumers()
        listen(store, consumers)
        if place:
            jobs = {
                **house.catalog.jobs().table(),
                **house.orders.jobs().table(),
                **house.rewards.jobs().table(),
                **house.housekeeping().table(),
            }
            # Alone it may have another store than those before, or an older copy.
            await house.catalog_client().open(afresh=place.alone)
            await bus.start(consumers, jobs, alone=place.alone)
            stack.push_async_callback(bus.stop)
            place.share()
        routes = [
            *house.catalog.api().routes(),
            *house.orders.api().routes(),
            *house.rewards.api().routes(),
            *house.feed().routes(),
            *house.operations().routes(),
        ]
        console = [*Page().routes(), *house.console().routes()]
        if playing:
            console += house.playground().routes()
        app = build_app(routes, tokens=house.tokens(), ids=house.ids(), undocumented=console)
        app = from_outside(app, settings, tokens=house.tokens(), ids=house.ids(), figures=house.figures())
        yield Shop(
            seen(app, house.platform.tracing()),
            bus,
            store,
            clock,
            house.tokens(),
            cast("CatalogContainer", house.catalog),
            cast("OrdersContainer", house.orders),
            cast("RewardsContainer", house.rewards),
            house.stream(),
        )


def _place_of(settings: Settings) -> AbstractContextManager[Place]:
    """One without a Redis cannot tell others of a price that has changed."""
    if settings.redis_url is None:
        advice = "stop it, set SHOP_DATA to another folder, or start both with the same SHOP_REDIS_URL"
        return only_server(settings.data, advice=advice)
    return one_of_several(settings.data, redis=settings.redis_url)
