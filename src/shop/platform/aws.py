"""Clients of AWS, open for as long as the process uses them.

Endpoint, region and credentials come from botocore's own environment (`AWS_ENDPOINT_URL`, `AWS_DEFAULT_REGION`, …).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

from shop.platform.aws_figures import CallFigures
from shop.platform.aws_sdk import AioConfig, get_session
from shop.platform.figures import Figures

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


class Aws:
    """The low-level clients of these services, over one session."""

    def __init__(self, services: Sequence[str], *, figures: Figures | None = None) -> None:
        """`services`: of `dynamodb`, `events`, `sqs` and `lambda`; `KeyError` for another. `figures` count calls."""
        self._figures = figures
        self._configs = {service: AioConfig(**_COMMON, **_OF_SERVICE[service]) for service in services}
        self._clients: dict[str, Any] = {}
        self._open = AsyncExitStack()

    async def open(self) -> None:
        """Make the clients; nothing is sent before they are used."""
        session = get_session()
        for service, config in self._configs.items():
            client = session.create_client(service, config=config)
            made = self._clients[service] = await self._open.enter_async_context(client)
            if self._figures is not None:
                CallFigures(self._figures, service=service).watch(made)

    async def close(self) -> None:
        """Close their connections."""
        self._clients.clear()
        await self._open.aclose()

    def client(self, service: str) -> Any:
        """The client; `KeyError` if it was not named, or is not open."""
        return self._clients[service]
