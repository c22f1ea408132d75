"""Three servers, one for each context, on the tables, the bus and the queues of the deployment, and a Valkey."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from emulator.run import Emulator
from parity.stack import CONTEXTS
from torture.server import HOST, SHOP, Server, serving

_PATIENCE = 60  # seconds for a server to answer

# Whom a path is for: what a proxy before three servers has to know.
PATHS = {
    "products": "catalog",
    "search": "catalog",
    "orders": "orders",
    "payments": "orders",
    "credit": "orders",
    "rewards": "rewards",
    "events": "orders",  # each has the log of all
}


@contextmanager
def three_servers(folder: Path, *, emulator: Emulator, settings: Mapping[str, str]) -> Iterator[Mapping[str, Server]]:
    """Started, and ended at the end; `settings`: what all of them have."""
    with ExitStack() as stack:
        servers: dict[str, Server] = {}
        for context in CONTEXTS:
            own = {**emulator.environ, **settings, "SHOP_STORAGE": "dynamodb"}
            if "catalog" in servers:
                own["SHOP_CATALOG_URL"] = f"http://{HOST}:{servers['catalog'].port}"
            serve = (*SHOP, "serve", "--context", context)
            servers[context] = stack.enter_context(serving(folder / context, serve=serve, settings=own))
            servers[context].spawn()
            _wait(servers[context])  # before the next one looks for a free port
        yield servers


def _wait(server: Server) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            httpx.get(f"http://{HOST}:{server.port}/health/live").raise_for_status()
        except httpx.HTTPError as error:
            if server.process is None or server.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the server does not start: {server.log()}") from error
            time.sleep(0.02)
        else:
            return
