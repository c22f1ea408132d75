"""How orders reads the catalog, and forgets what it has read: the client, and the layer that processes share."""

from __future__ import annotations

import random
import secrets
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from shop.kernel.clock import Clock
from shop.platform.http.breaker import Breaker
from shop.platform.http.second_layer import SecondLayer
from shop.platform.settings import Settings, WrongSetting

if TYPE_CHECKING:
    import httpx

    from shop.platform.http.client import Client
    from shop.platform.tracing.spans import Tracing

ORIGIN = "http://catalog"  # what it is called, wherever it is
_MOST_CACHED = 64 * 1024 * 1024  # bytes: some 20,000 products


def second_layer(settings: Settings, *, sleeps: bool = False) -> SecondLayer | None:
    """In the Redis that the settings name, if they do; `sleeps`: as a Lambda does between two events."""
    if settings.redis_url is None:
        return None
    from shop.platform.http.redis_layer import RedisLayer  # noqa: PLC0415 - 0.2 s, for those who have a Redis

    nonce = partial(secrets.token_hex, 8)
    try:
        return RedisLayer(settings.redis_url, origin=ORIGIN, now=time.monotonic, nonce=nonce, sleeps=sleeps)
    except ValueError as error:
        raise WrongSetting(f"SHOP_REDIS_URL: {error}") from error


def reading(
    network: httpx.AsyncBaseTransport,
    *,
    settings: Settings,
    breaker: Breaker,
    clock: Clock,
    shared: SecondLayer | None,
    base_url: str = ORIGIN,
    tracing: Tracing | None = None,
) -> Client:
    """A client of the catalog, over this network."""
    from shop.platform.http.client import Client  # noqa: PLC0415 - with it httpx, for those who read
    from shop.platform.http.transports import resilient  # noqa: PLC0415

    if tracing:
        from shop.platform.tracing.client import ToldLayers, TracedTransport  # noqa: PLC0415

        network = TracedTransport(network, tracing)
    client = Client(
        resilient(network, breaker=breaker, seconds=settings.catalog_timeout, chance=random.random),
        base_url=base_url,
        budget=settings.catalog_budget,
        now=time.monotonic,
        wall=clock,
        most=_MOST_CACHED,
        shared=shared,
    )
    if tracing:
        client.answered_by = ToldLayers(client.answered_by)
    return client


def network_to(settings: Settings, client_of: Any) -> tuple[httpx.AsyncBaseTransport, str]:
    """The way to SHOP_CATALOG_URL, and what its paths begin with; `client_of(service)` gives the SDK's client."""
    import httpx  # noqa: PLC0415

    kind, _, name = (settings.catalog_url or "").partition(":")
    if kind == "lambda":
        from shop.platform.http.lambda_transport import LambdaTransport  # noqa: PLC0415

        return LambdaTransport(client_of("lambda"), name), ORIGIN
    return httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=32)), str(settings.catalog_url).rstrip("/")
