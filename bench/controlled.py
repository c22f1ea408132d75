"""A server in a process of its own: says its port, tells its figures when asked, ends when its parent does."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

import msgspec
import uvicorn
import uvloop

Figures = Callable[[], dict[str, Any]]


def run(main: Coroutine[Any, Any, None], *, core: int) -> None:
    """Run it on uvloop, on one core where that can be had (-1: on any)."""
    if core >= 0 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, suppress(KeyboardInterrupt):
        runner.run(main)


async def serve(*servers: uvicorn.Server, figures: Figures = dict) -> None:
    """Serve until stdin ends; each line on it asks for the figures, with the CPU seconds used so far."""
    loop = asyncio.get_running_loop()
    loop.add_reader(0, lambda: _heard(servers, figures))
    serving = asyncio.gather(*(server.serve() for server in servers))
    while not all(server.started for server in servers) and not serving.done():  # noqa: ASYNC110 - uvicorn has no event
        await asyncio.sleep(0.01)
    if not serving.done():
        _tell({"ports": [server.servers[0].sockets[0].getsockname()[1] for server in servers]})
    await serving


def _heard(servers: Sequence[uvicorn.Server], figures: Figures) -> None:
    heard = os.read(0, 1024)
    if not heard:
        asyncio.get_running_loop().remove_reader(0)
        for server in servers:
            server.should_exit = True
    for _ in range(heard.count(b"\n")):
        _tell({**figures(), "cpu": time.process_time()})


def _tell(what: dict[str, Any]) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(what) + b"\n")
    sys.stdout.buffer.flush()
