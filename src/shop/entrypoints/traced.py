"""A house whose work is seen as spans, if its settings say where they go; if not, nothing is loaded or wrapped."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import structlog

from shop.platform.journey import Watchers
from shop.platform.lambda_adapter import Act, ASGIApp, Event
from shop.platform.observability import told_of
from shop.platform.settings import Settings, WrongSetting

if TYPE_CHECKING:
    from dependency_injector import providers

    from shop.platform.aws import Aws
    from shop.platform.tracing.spans import Tracing

_PATIENCE_OF_A_FUNCTION = 1.0  # seconds, for whom somebody may be waiting
_PATIENCE_AT_THE_END = 2.0

log = structlog.get_logger("shop.traces")

House = Any  # a container: `Monolith`, or one like `OrdersAlone`


def see_all(house: House) -> None:
    """All contexts in one process. `WrongSetting` if OpenTelemetry is wanted and not installed."""
    tracing = tracing_of(house.settings(), service="shop")
    if tracing is None:
        return
    from shop.platform.tracing.server import TracedApp  # noqa: PLC0415

    _see_platform(house.platform, tracing, bus="shop")
    for name in ("catalog", "orders", "rewards"):
        _see_context(getattr(house, name), tracing, name=name, system="sqlite", bus="shop")
    _around(house.catalog_app, partial(TracedApp, tracing=tracing))


def see_alone(house: House) -> None:
    """One context on AWS. As `see_all`."""
    settings: Settings = house.settings()
    name: str = house.name()
    tracing = tracing_of(settings, service=f"{settings.stack}-{name}")
    if tracing is None:
        return
    from shop.platform.tracing.sdk import TracedAws  # noqa: PLC0415

    bus = "aws.eventbridge"
    _see_platform(house.platform, tracing, bus=bus)
    _around(house.platform.aws, partial(TracedAws, tracing=tracing))
    _see_context(house.context, tracing, name=name, system=None, bus=bus)


def tracing_of(settings: Settings, *, service: str) -> Tracing | None:
    """Of a process that is seen under this name; None: nobody wants that. `WrongSetting` as `see_all`."""
    if settings.traces is None:
        return None
    try:
        from shop.platform.tracing.spans import Tracing  # noqa: PLC0415 - for those who want spans
    except ModuleNotFoundError as error:
        advice = "install it (pip install 'shop[otel]') or unset it"
        raise WrongSetting(f"OTEL_… asks for spans, which takes OpenTelemetry: {advice}") from error
    return Tracing(service, to=settings.traces)


def asked(aws: Aws, tracing: Tracing | None) -> Aws:
    """AWS as the process asks it."""
    if tracing is None:
        return aws
    from shop.platform.tracing.sdk import TracedAws  # noqa: PLC0415

    return cast("Aws", TracedAws(aws, tracing))


def seen(app: ASGIApp, tracing: Tracing | None) -> ASGIApp:
    """The app as callers meet it."""
    if tracing is None:
        return app
    from shop.platform.tracing.server import TracedApp  # noqa: PLC0415

    return TracedApp(app, tracing)


def flushing(act: Act, tracing: Tracing | None, *, environ: Mapping[str, str] = os.environ) -> Act:
    """A Lambda's: what stands still when its event is done has sent its spans before, unless those of an event before
    are still not taken: then they go with the next ones.
    """
    if tracing is None:
        return act
    from shop.platform.tracing.spans import carried_on  # noqa: PLC0415
    from shop.platform.tracing.xray import lambdas_own  # noqa: PLC0415

    taken = asyncio.Event()
    taken.set()

    async def flushed(event: Event) -> Any:
        try:
            with carried_on(lambdas_own(environ) if tracing.is_of_lambda else None):
                return await act(event)
        finally:
            if taken.is_set():  # or each event would leave a thread behind
                taken.clear()
                await _at_most(_PATIENCE_OF_A_FUNCTION, tracing.flush, done=taken)

    return flushed


async def closed(tracing: Tracing | None) -> None:
    """The last spans are sent, or lost."""
    if tracing is not None:
        await _at_most(_PATIENCE_AT_THE_END, tracing.close, done=asyncio.Event())


async def _at_most(seconds: float, send: Callable[[], None], *, done: asyncio.Event) -> None:
    """Whoever does not take spans holds nobody up: the thread is a daemon, which ends with the process."""
    loop = asyncio.get_running_loop()

    def run() -> None:
        try:
            send()
        except Exception as error:  # noqa: BLE001 - spans are lost, and nothing else
            log.warning("spans.not_sent", reason=told_of(error))
        finally:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, name="spans", daemon=True).start()
    try:
        async with asyncio.timeout(seconds):
            await done.wait()
    except TimeoutError:
        log.warning("spans.not_sent", reason=f"not taken within {seconds:g} s")


def _see_platform(platform: House, tracing: Tracing, *, bus: str) -> None:
    from dependency_injector import providers  # noqa: PLC0415 - a function loads it with less than it takes along

    from shop.platform.tracing.messages import TracedDeliveries  # noqa: PLC0415

    platform.tracing.override(providers.Object(tracing))
    _around(platform.watcher, partial(Watchers, TracedDeliveries(tracing, bus)))


def _see_context(context: House, tracing: Tracing, *, name: str, system: str | None, bus: str) -> None:
    from dependency_injector import providers  # noqa: PLC0415

    from shop.platform.tracing.messages import TracedReactions  # noqa: PLC0415
    from shop.platform.tracing.parts import traced  # noqa: PLC0415
    from shop.platform.tracing.records import TracedEngine  # noqa: PLC0415

    engine = context.engine.last_overriding  # what it was given
    context.engine.override(providers.Singleton(TracedEngine, engine=engine, tracing=tracing, system=system, bus=bus))
    for provider in (context.api, context.jobs, context.reactions):
        _around(provider, partial(traced, tracing=tracing))
    _around(context.reactions, partial(TracedReactions, tracing=tracing, consumer=name, bus=bus))


def _around(provider: providers.Singleton[Any], wrap: Callable[[Any], object]) -> None:
    """What it makes is wrapped, when it is made."""
    from dependency_injector import providers  # noqa: PLC0415

    made: Any = provider.last_overriding or provider
    inner = providers.Factory(made.provides, *made.args, **made.kwargs)
    provider.override(providers.Singleton(wrap, inner))
