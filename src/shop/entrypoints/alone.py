"""One context by itself, on AWS: what its Lambda functions and its server do, whichever context it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from shop.entrypoints.traced import flushing, see_alone
from shop.kernel.events import Cause
from shop.platform.bus import Job, Jobs
from shop.platform.bus_aws import Consumer, Relay, events_of_stream
from shop.platform.container_aws import Role
from shop.platform.embedded_metrics import EmbeddedMetrics, namespace_of
from shop.platform.lambda_adapter import Act, Awake, Environment, answering
from shop.platform.observability import configure_logs
from shop.platform.retry import TRIES_OF_OURS, tried
from shop.platform.settings import Settings, WrongSetting, keys_given, read_settings

SWEEP = "sweep-outbox"  # the platform's own job on AWS: what the relay did not publish
SWEEP_EVERY = timedelta(minutes=1)

House = (
    Any  # a container like `OrdersAlone`: settings, role, name, keys, platform, context, and the reader if it has one
)


def handler(kind: House, *, environ: Mapping[str, str] = os.environ) -> Environment:
    """A Lambda function of the context; SHOP_ROLE says which."""
    roles = [role.value for role in _ACTS]
    if (asked := environ.get("SHOP_ROLE", "")) not in roles:
        raise WrongSetting(f"SHOP_ROLE={asked} is not allowed: give one of {', '.join(roles)}")
    role = Role(asked)
    settings = read_settings(environ)
    configure_logs(settings.log_level)
    house = kind(settings=settings, role=role)
    see_alone(house)
    if role is Role.API:
        keys_given(environ, house.keys())

    async def opened() -> Act:
        await house.platform.aws().open()
        return flushing(await _ACTS[role](house), house.platform.tracing())

    figures = EmbeddedMetrics(
        house.platform.figures(),
        namespace=namespace_of(settings.stack),
        context=house.name(),
        wall=house.platform.clock(),
    )
    return Environment(opened, afterwards=figures.tell)


async def _api(house: House) -> Act:
    from shop.entrypoints.alone_api import app_of  # noqa: PLC0415 - with it Litestar, for those who answer

    act = answering(app_of(house))
    reader = house.reader()
    if reader is None:
        return act
    await reader.open()
    return Awake(act, wake=reader.wake, wall=house.platform.clock())


async def _consumer(house: House) -> Act:
    consumer = consumer_of(house)

    async def consume(event: Mapping[str, Any]) -> dict[str, Any]:
        failed = await consumer.consume(event["Records"])
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}

    return consume


async def _relay(house: House) -> Act:
    relay = relay_of(house)

    async def pass_on(event: Mapping[str, Any]) -> None:
        await relay.publish(events_of_stream(event["Records"]))

    return pass_on


async def _jobs(house: House) -> Act:
    jobs = jobs_of(house)

    async def run(event: Mapping[str, Any]) -> None:
        job = event["job"]
        await tried(TRIES_OF_OURS, jobs[job].run, Cause(id=f"job_{job}"))

    return run


_ACTS = {Role.API: _api, Role.CONSUMER: _consumer, Role.RELAY: _relay, Role.JOBS: _jobs}


def consumer_of(house: House) -> Consumer:
    """What the context hears, and what it does then."""
    settings: Settings = house.settings()
    reactions = house.context.reactions().table()
    return Consumer(
        reactions,
        context=house.name(),
        attempts=settings.delivery_attempts,
        aws=house.platform.aws(),
        stack=settings.stack,
        watcher=house.platform.watcher(),
    )


def relay_of(house: House) -> Relay:
    """Passes on what the context has committed."""
    settings: Settings = house.settings()
    return Relay(
        house.platform.aws(),
        stack=settings.stack,
        context=house.name(),
        clock=house.platform.clock(),
        keep=settings.event_retention,
        watcher=house.platform.watcher(),
    )


def jobs_of(house: House) -> Jobs:
    """What the context does every so often, and what is done for it."""
    sweep = Job(every=SWEEP_EVERY, run=relay_of(house).sweep)
    return {**house.context.jobs().table(), SWEEP: sweep}
