"""How rewards is put together."""

from __future__ import annotations

from dependency_injector import containers, providers

from shop.kernel.clock import Clock
from shop.kernel.events import Publisher
from shop.kernel.ids import Ids
from shop.platform.storage.port import Engine
from shop.rewards.application.earn_points import EarnPoints
from shop.rewards.domain.account import EARNING
from shop.rewards.infrastructure.documents import DOCUMENTS
from shop.rewards.infrastructure.store import LAYOUT, LedgerStore
from shop.rewards.presentation.api import RewardsApi
from shop.rewards.presentation.events import RewardsReactions


class RewardsContainer(containers.DeclarativeContainer):
    """The `Dependency` lines are the bill to the platform."""

    engine: providers.Dependency[Engine] = providers.Dependency()
    clock: providers.Dependency[Clock] = providers.Dependency()
    ids: providers.Dependency[Ids] = providers.Dependency()

    documents = providers.Object(DOCUMENTS)
    records = engine.provided.records.call(LAYOUT)
    publish = providers.Singleton(Publisher, source="/shop/rewards", ids=ids)
    ledger = providers.Singleton(LedgerStore, records=records, publish=publish, clock=clock)
    earn_points = providers.Singleton(EarnPoints, ledger=ledger, clock=clock, rules=providers.Object(EARNING))

    api = providers.Singleton(RewardsApi, ledger=ledger)
    reactions = providers.Singleton(RewardsReactions, earn_points=earn_points)
