"""The machinery of one process, made from its settings."""

from __future__ import annotations

from typing import Any

from dependency_injector import containers, providers

from shop.kernel.clock import system_clock
from shop.kernel.ids import ids
from shop.platform.journey import Watchers
from shop.platform.settings import Settings
from shop.platform.storage.sqlite import SqliteStore
from shop.platform.tokens import Tokens


class PlatformContainer(containers.DeclarativeContainer):
    """Settings → clock, ids, store, tokens."""

    settings: providers.Dependency[Settings] = providers.Dependency()
    clock = providers.Object(system_clock)
    ids = providers.Singleton(ids, clock)
    store = providers.Singleton(SqliteStore, settings.provided.store, clock=clock)
    watcher = providers.Singleton(Watchers)  # nobody
    tracing: providers.Object[Any] = providers.Object(None)  # `Tracing`, if spans are wanted: `entrypoints/traced.py`
    tokens = providers.Singleton(Tokens, settings.provided.jwt_key, clock=clock)
