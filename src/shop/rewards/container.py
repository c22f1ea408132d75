"""How rewards is put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dependency_injector import containers, providers

from shop.kernel.clock import Clock
from shop.kernel.events import Publisher
from shop.kernel.ids import Ids
from shop.platform.settings import Settings
from shop.platform.storage.port import Engine
from shop.rewards.application.audit import Audit
from shop.rewards.application.audit_order import AuditOrder
from shop.rewards.application.earn_points import EarnPoints
from shop.rewards.application.expire_points import ExpirePoints
from shop.rewards.application.queries import ReadBalance
from shop.rewards.application.redeem_points import RedeemPoints
from shop.rewards.application.reverse_points import ReversePoints
from shop.rewards.domain.earning import EARNING
from shop.rewards.infrastructure.documents import DOCUMENTS
from shop.rewards.infrastructure.store import LAYOUT, LedgerStore
from shop.rewards.presentation import figures
from shop.rewards.presentation.events import RewardsReactions
from shop.rewards.presentation.scheduled import RewardsJobs

if TYPE_CHECKING:
    from shop.rewards.presentation.api import RewardsApi


def _api(**parts: Any) -> RewardsApi:
    from shop.rewards.presentation.api import RewardsApi  # noqa: PLC0415 - with it Litestar, for those who answer requests

    return RewardsApi(**parts)


class RewardsContainer(containers.DeclarativeContainer):
    """The `Dependency` lines are the bill to the platform."""

    engine: providers.Dependency[Engine] = providers.Dependency()
    clock: providers.Dependency[Clock] = providers.Dependency()
    ids: providers.Dependency[Ids] = providers.Dependency()
    settings: providers.Dependency[Settings] = providers.Dependency()

    documents = providers.Object(DOCUMENTS)
    counting = providers.Object(figures.COUNTING)
    metrics = providers.Object(figures.METRICS)
    records = engine.provided.records.call(LAYOUT)
    publish = providers.Singleton(Publisher, source="/shop/rewards", ids=ids)
    ledger = providers.Singleton(LedgerStore, records=records, publish=publish, clock=clock)

    rules = providers.Object(EARNING)
    earn_points = providers.Singleton(EarnPoints, ledger=ledger, clock=clock, rules=rules)
    reverse_points = providers.Singleton(ReversePoints, ledger=ledger, clock=clock, rules=rules)
    redeem_points = providers.Singleton(
        RedeemPoints, ledger=ledger, clock=clock, ids=ids, point_value=settings.provided.point_value
    )
    expire_points = providers.Singleton(ExpirePoints, ledger=ledger, clock=clock)
    read_balance = providers.Singleton(ReadBalance, ledger=ledger, clock=clock)
    audit = providers.Singleton(Audit, ledger=ledger)
    audit_order = providers.Singleton(AuditOrder, ledger=ledger, rules=rules)

    api = providers.Singleton(_api, ledger=ledger, read_balance=read_balance, redeem_points=redeem_points)
    reactions = providers.Singleton(RewardsReactions, earn_points=earn_points, reverse_points=reverse_points)
    jobs = providers.Singleton(RewardsJobs, expire_points=expire_points)
