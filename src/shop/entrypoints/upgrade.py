"""The store of an older shop becomes one of this shop, before anybody uses it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

from shop.catalog.container import CatalogContainer
from shop.orders.container import OrdersContainer
from shop.platform.server_lock import only_server
from shop.platform.settings import Settings
from shop.platform.storage.documents import Documents, Progress, in_silence
from shop.platform.storage.sqlite_upgrade import needs_upgrade, upgrade
from shop.rewards.container import RewardsContainer


def every_document() -> Sequence[Documents]:
    """The documents of all contexts."""
    return [CatalogContainer.documents(), OrdersContainer.documents(), RewardsContainer.documents()]


def upgrade_store(settings: Settings, *, locked: bool = False, progress: Progress = in_silence) -> None:
    """Upgrade the store if an older shop wrote it; `NewerStore` if a newer one did, `StoreInUse` if it is open.

    `locked`: the caller holds the server lock, so that no server is beside it.
    """
    every = every_document()
    if needs_upgrade(settings.store, [documents.layout for documents in every]):
        with nullcontext() if locked else only_server(settings.data):
            upgrade(settings.store, every, progress=progress)
