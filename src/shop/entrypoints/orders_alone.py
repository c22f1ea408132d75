"""Orders by itself, on AWS: it reads the catalog over a network."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dependency_injector import containers, providers

from shop.entrypoints.reading_the_catalog import network_to, reading, second_layer
from shop.kernel.clock import Clock
from shop.orders.container import OrdersContainer
from shop.platform.aws import Aws
from shop.platform.container_aws import AwsContainer, Role
from shop.platform.figures import Figures
from shop.platform.http.breaker import Breaker
from shop.platform.http.figures import of_breakers, of_reader, of_teller
from shop.platform.http.second_layer import SecondLayer
from shop.platform.http.telling import Telling
from shop.platform.settings import Settings, WrongSetting

if TYPE_CHECKING:
    from shop.platform.http.client import Client

_NO_REDIS = "SHOP_REDIS_URL is missing: without a Redis, orders would not hear of new prices"


def _shared(settings: Settings, role: Role) -> SecondLayer:
    layer = second_layer(settings, sleeps=role is not Role.SERVER)
    if layer is None:
        raise WrongSetting(_NO_REDIS)
    return layer


def _reading(
    settings: Settings,
    aws: Aws,
    shared: SecondLayer,
    breaker: Breaker,
    clock: Clock,
    figures: Figures,
    tracing: Any,
) -> Client:
    if settings.catalog_url is None:
        raise WrongSetting("SHOP_CATALOG_URL is missing: say where the catalog is, like http://127.0.0.1:8001")
    network, base_url = network_to(settings, aws.client)
    parts = {"breaker": breaker, "clock": clock, "shared": shared, "tracing": tracing}
    client = reading(network, settings=settings, base_url=base_url, **parts)
    figures.also(of_reader(client))
    figures.also(of_breakers({"catalog": breaker, "redis": shared.breaker}))
    return client


def _telling(settings: Settings, layer: Callable[[], SecondLayer], figures: Figures) -> Telling:
    if settings.redis_url is None:
        raise WrongSetting(_NO_REDIS)
    teller = Telling(layer)
    figures.also(of_teller(teller))
    figures.also(of_breakers(teller.breakers))
    return teller


def _no_limit() -> None:
    """Whoever comes is let in: queues hold what is not done yet, and functions are added."""


class OrdersAlone(containers.DeclarativeContainer):
    """One context on its platform; who answers requests reads the catalog, who only hears of changes tells of them."""

    settings: providers.Dependency[Settings] = providers.Dependency()
    role: providers.Dependency[Role] = providers.Dependency()
    name = providers.Object("orders")
    keys = providers.Object(("SHOP_JWT_KEY", "SHOP_PAYMENT_SECRETS"))  # of those who sign what it is sent
    platform = providers.Container(AwsContainer, settings=settings, role=role, counting=OrdersContainer.counting)
    shared = providers.Singleton(_shared, settings, role)
    breaker = providers.Singleton(Breaker, now=providers.Object(time.monotonic))
    reader = providers.Singleton(
        _reading, settings, platform.aws, shared, breaker, platform.clock, platform.figures, platform.tracing
    )
    teller = providers.Singleton(_telling, settings, shared.provider, platform.figures)
    context = providers.Container(
        OrdersContainer,
        engine=platform.store,
        catalog_client=providers.Selector(role.provided.value, api=reader, server=reader, consumer=teller, jobs=teller),
        clock=platform.clock,
        ids=platform.ids,
        settings=settings,
        admit=providers.Object(_no_limit),
    )
