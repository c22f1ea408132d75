"""The machinery of one context by itself on AWS, made from its settings."""

from __future__ import annotations

from enum import Enum

from shop.kernel.clock import system_clock
from shop.kernel.ids import ids
from shop.platform.aws import Aws
from shop.platform.cold_start import without
from shop.platform.settings import Settings
from shop.platform.storage.dynamodb import DynamoStore

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


def _aws(settings: Settings, role: Role) -> Aws:
    """The clients that the role needs: each takes a while to make."""
    asks = role in {Role.API, Role.SERVER} and (settings.catalog_url or "").startswith("lambda:")
    silent = role not in {Role.API, Role.SERVER}
    return Aws((*_SERVICES[role], *(("lambda",) if asks else ())), light=silent)


class AwsContainer(containers.DeclarativeContainer):
    """Settings and role → clock, ids, AWS's clients, store."""

    settings: providers.Dependency[Settings] = providers.Dependency()
    role: providers.Dependency[Role] = providers.Dependency()
    clock = providers.Object(system_clock)
    ids = providers.Singleton(ids, clock)
    aws = providers.Singleton(_aws, settings, role)
    store = providers.Singleton(DynamoStore, aws, stack=settings.provided.stack, clock=clock)
