"""The machinery of one context by itself on AWS, made from its settings."""

from __future__ import annotations

from enum import Enum
from typing import Any

from shop.kernel.clock import Clock, system_clock
from shop.kernel.ids import ids
from shop.platform.aws import Aws
from shop.platform.cold_start import without
from shop.platform.event_figures import EventFigures
from shop.platform.figures import Counting, Figures
from shop.platform.journey import Watcher, Watchers
from shop.platform.settings import Settings
from shop.platform.storage.dynamodb import DynamoStore
from shop.platform.storage.writes import of_writes

with without("werkzeug", "yaml"):  # of the injector's wiring and settings, which are not used
    from dependency_injector import containers, providers


class Role(Enum):
    """What a process does of a context: a part, as a Lambda function, or all of it."""

    API = "api"  # answers requests
    CONSUMER = "consumer"  # hears of events
    RELAY = "relay"  # passes on what was committed
    JOBS = "jobs"  # does what is due every so often
    SERVER = "server"  # all of these


_SERVICES = {
    Role.API: ("dynamodb",),
    Role.CONSUMER: ("dynamodb", "sqs"),
    Role.RELAY: ("dynamodb", "events"),
    Role.JOBS: ("dynamodb", "events"),
    Role.SERVER: ("dynamodb", "events", "sqs"),
}


def _figures(role: Role) -> Figures:
    """A server's are scraped; a function tells every value in its log."""
    return Figures(keeps=role is not Role.SERVER)


def _aws(settings: Settings, role: Role, figures: Figures) -> Aws:
    """The clients that the role needs: each takes a while to make."""
    asks = role in {Role.API, Role.SERVER} and (settings.catalog_url or "").startswith("lambda:")
    silent = role not in {Role.API, Role.SERVER}
    return Aws((*_SERVICES[role], *(("lambda",) if asks else ())), light=silent, figures=figures)


def _store(aws: Aws, figures: Figures, watcher: Watcher, *, stack: str, clock: Clock) -> DynamoStore:
    store = DynamoStore(aws, stack=stack, clock=clock)
    store.watcher = watcher
    figures.also(of_writes(store.writes))
    return store


class AwsContainer(containers.DeclarativeContainer):
    """Settings, role, and what the context counts → clock, ids, figures, AWS's clients, store."""

    settings: providers.Dependency[Settings] = providers.Dependency()
    role: providers.Dependency[Role] = providers.Dependency()
    counting: providers.Dependency[Counting] = providers.Dependency()
    clock = providers.Object(system_clock)
    ids = providers.Singleton(ids, clock)
    figures = providers.Singleton(_figures, role)
    watcher = providers.Singleton(Watchers, providers.Singleton(EventFigures, figures, business=counting, clock=clock))
    tracing: providers.Object[Any] = providers.Object(None)  # `Tracing`, if spans are wanted: `entrypoints/traced.py`
    aws = providers.Singleton(_aws, settings, role, figures)
    store = providers.Singleton(_store, aws, figures, watcher, stack=settings.provided.stack, clock=clock)
