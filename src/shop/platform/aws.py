"""Clients of AWS, open for as long as the process uses them.

Endpoint, region and credentials come from botocore's own environment (`AWS_ENDPOINT_URL`, `AWS_DEFAULT_REGION`, …).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from typing import Any

from shop.platform.aws_figures import CountedClient
from shop.platform.aws_signing import Credentials, credentials_of
from shop.platform.figures import Figures

Making = Callable[[str, Mapping[str, Any]], AbstractAsyncContextManager[Any]]

_CONNECTIONS = 64  # per client, kept open
_ONCE: Mapping[str, Any] = {"mode": "standard", "total_max_attempts": 1}
_SEVERAL: Mapping[str, Any] = {"mode": "standard", "total_max_attempts": 3}
_COMMON: Mapping[str, Any] = {
    "max_pool_connections": _CONNECTIONS,
    "tcp_keepalive": True,
    "connect_timeout": 1.0,
    "parameter_validation": False,  # the service checks them; here it is a tenth of a call
}
_OF_SERVICE: Mapping[str, Mapping[str, Any]] = {
    "dynamodb": {"read_timeout": 2.0, "retries": _ONCE},  # the engine tries again, under the token of the first time
    "events": {"read_timeout": 5.0, "retries": _SEVERAL},
    "sqs": {"read_timeout": 25.0, "retries": _SEVERAL},  # a long poll takes 20 seconds
    "lambda": {"read_timeout": 30.0, "retries": _ONCE},  # who invokes has a budget, and a breaker
}
# What the SDK heeds and ours does not: where a service is (also `AWS_ENDPOINT_URL_<SERVICE>`), and the way to it.
_OF_THE_SDK = {
    *("AWS_CONFIG_FILE", "AWS_DEFAULT_PROFILE", "AWS_PROFILE"),
    *("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_USE_FIPS_ENDPOINT"),
    *("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"),
}


class Aws:
    """The low-level clients of these services: the SDK's, or one of ours that asks and answers like it."""

    def __init__(self, services: Sequence[str], *, light: bool = False, figures: Figures | None = None) -> None:
        """`services`: of `dynamodb`, `events`, `sqs` and `lambda`; `KeyError` for another. `figures` count calls.

        `light`: without the SDK, where the environment holds credentials and nothing that only it heeds; not for
        `lambda`.
        """
        self._figures = figures
        self._configs = {service: {**_COMMON, **_OF_SERVICE[service]} for service in services}
        credentials = credentials_of(os.environ) if light and not _for_the_sdk(os.environ) else None
        self._made = _of_ours(credentials) if credentials else _of_the_sdk()
        self._clients: dict[str, Any] = {}
        self._open = AsyncExitStack()

    async def open(self) -> None:
        """Make the clients; nothing is sent before they are used."""
        for service, config in self._configs.items():
            client = await self._open.enter_async_context(self._made(service, config))
            if self._figures is not None:
                client = CountedClient(client, self._figures, service=service)
            self._clients[service] = client

    async def close(self) -> None:
        """Close their connections."""
        self._clients.clear()
        await self._open.aclose()

    def client(self, service: str) -> Any:
        """The client; `KeyError` if it was not named, or is not open."""
        return self._clients[service]


def _for_the_sdk(environ: Mapping[str, str]) -> bool:
    """Proxies are told in capitals, or not."""
    told = {name.upper() for name, value in environ.items() if value}
    return bool(told & _OF_THE_SDK) or any(name.startswith("AWS_ENDPOINT_URL_") for name in told)


def _of_the_sdk() -> Making:
    from shop.platform.aws_sdk import AioConfig, get_session  # noqa: PLC0415 - it takes longer than all else to load

    session = get_session()
    return lambda service, config: session.create_client(service, config=AioConfig(**config))


def _of_ours(credentials: Credentials) -> Making:
    from shop.platform.aws_json import JsonClient  # noqa: PLC0415 - one of both is enough

    return lambda service, config: aclosing(JsonClient(service, config, credentials))
