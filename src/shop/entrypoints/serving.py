"""The server process: it answers until a signal asks it to end, finishes what it has begun, and ends with 0."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Protocol, TypeVar

import structlog
import uvicorn
from litestar.types import ASGIApp

from shop.platform.cold_start import keep_what_is_loaded
from shop.platform.http_protocol import ProblemProtocol
from shop.platform.observability import configure_logs
from shop.platform.settings import Settings

# With what the bus and the store take, less than the ten seconds that container managers give by default.
_PATIENCE = 4  # seconds for requests that have begun when it is asked to end

log = structlog.get_logger("shop.server")


class Hurried(Protocol):
    """What makes deliveries."""

    def hurry(self) -> None:
        """Cut off what is under way when it stops: it has had no effect yet."""


class Served(Protocol):
    """A shop, or a part of one, that is open."""

    @property
    def app(self) -> ASGIApp:
        """What answers."""

    @property
    def bus(self) -> Hurried:
        """What makes its deliveries."""

    def ends(self) -> None:
        """It is asked to end: answers that have no end are to end now."""


S = TypeVar("S", bound=Served)


def serve(
    settings: Settings,
    opened: AbstractAsyncContextManager[S],
    *,
    host: str,
    port: int,
    begin: Callable[[S], Awaitable[None]] | None = None,
    patience: int = _PATIENCE,
) -> None:
    """Serve what is opened until told to stop; `begin` runs once it is open and before it answers."""
    configure_logs(settings.log_level)
    ending = _Ending()

    async def run() -> None:
        with ending.heard():
            async with opened as shop:
                ending.shop = shop
                if begin is not None:
                    await begin(shop)
                ending.server = server_of(shop, host=host, port=port, patience=patience)
                keep_what_is_loaded()
                await ending.server.serve()
        log.info("server.ended")

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(run())


def server_of(shop: Served, *, host: str, port: int, patience: int = _PATIENCE) -> Server:
    """An HTTP server for the shop's app."""
    config = uvicorn.Config(
        shop.app,
        host=host,
        port=port,
        lifespan="off",
        http=ProblemProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=patience,
    )
    return Server(config)


class Server(uvicorn.Server):
    """Ends when its caller says so: uvicorn's own takes the signals of the process, and then kills it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them to whoever runs it."""
        yield

    def finish(self) -> None:
        """Accept nothing new, answer what has begun."""
        self.should_exit = True

    def hurry(self) -> None:
        """Hang up on whoever is not answered yet."""
        self.should_exit = self.force_exit = True
        for connection in list(self.server_state.connections):
            connection.transport.abort()


@dataclass
class _Ending:
    """What signals do: the first one asks to finish what has begun, the second one to hurry, a third one kills."""

    shop: Served | None = None
    server: Server | None = None
    _asked: int = 0
    _before: dict[signal.Signals, object] = field(default_factory=dict)

    @contextmanager
    def heard(self) -> Iterator[None]:
        """While it runs, in the main thread. Asked to end before it serves, it ends as if it had."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker: a coroutine runs in a task

        def hear(_: int, __: FrameType | None) -> None:
            loop.call_soon_threadsafe(self._end, task)

        self._before = {one: signal.signal(one, hear) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        except asyncio.CancelledError:
            if not self._asked:
                raise
        finally:
            self._no_longer_heard()

    def _end(self, task: asyncio.Task[None]) -> None:
        self._asked += 1
        if self._asked == 1:
            log.info("server.ending", again="to hurry")
            if self.shop is not None:
                self.shop.ends()
        else:
            log.warning("server.hurrying", left="requests and reactions under way are cut off; deliveries stay queued")
            self._no_longer_heard()
            if self.shop is not None:
                self.shop.bus.hurry()
        if self.server is None:
            task.cancel()
        elif self._asked == 1:
            self.server.finish()
        else:
            self.server.hurry()

    def _no_longer_heard(self) -> None:
        for one, handler in self._before.items():
            signal.signal(one, handler)  # type: ignore[arg-type]
        self._before.clear()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - there is none for Windows
    except ImportError:
        return None
    return uvloop.new_event_loop
