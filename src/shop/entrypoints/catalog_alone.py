"""The catalog by itself, on AWS."""

from __future__ import annotations

from dependency_injector import containers, providers

from shop.catalog.container import CatalogContainer
from shop.platform.container_aws import AwsContainer, Role
from shop.platform.settings import Settings


class CatalogAlone(containers.DeclarativeContainer):
    """One context on its platform."""

    settings: providers.Dependency[Settings] = providers.Dependency()
    role: providers.Dependency[Role] = providers.Dependency()
    name = providers.Object("catalog")
    keys = providers.Object(("SHOP_JWT_KEY",))  # of those who sign what it is sent
    platform = providers.Container(AwsContainer, settings=settings, role=role, counting=CatalogContainer.counting)
    context = providers.Container(CatalogContainer, engine=platform.store, clock=platform.clock, ids=platform.ids)
    reader: providers.Object[None] = providers.Object(None)  # it reads no other context
