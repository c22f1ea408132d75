"""Rewards by itself, on AWS."""

from __future__ import annotations

from dependency_injector import containers, providers

from shop.platform.container_aws import AwsContainer, Role
from shop.platform.settings import Settings
from shop.rewards.container import RewardsContainer


class RewardsAlone(containers.DeclarativeContainer):
    """One context on its platform."""

    settings: providers.Dependency[Settings] = providers.Dependency()
    role: providers.Dependency[Role] = providers.Dependency()
    name = providers.Object("rewards")
    keys = providers.Object(("SHOP_JWT_KEY",))  # of those who sign what it is sent
    platform = providers.Container(AwsContainer, settings=settings, role=role, counting=RewardsContainer.counting)
    context = providers.Container(
        RewardsContainer, engine=platform.store, clock=platform.clock, ids=platform.ids, settings=settings
    )
    reader: providers.Object[None] = providers.Object(None)  # it reads no other context
