"""What a reader's cache and its breakers have counted, as figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from shop.platform.figures import Read
from shop.platform.http.breaker import Breaker, State
from shop.platform.metrics import (
    CIRCUIT,
    CIRCUIT_CHANGES,
    CIRCUIT_OPENED,
    COALESCED,
    INVALIDATED,
    READS,
    REVALIDATED,
)

if TYPE_CHECKING:
    from shop.platform.http.client import Client
    from shop.platform.http.telling import Telling


def of_reader(client: Client) -> Callable[[], Iterable[Read]]:
    """A source: which layer answered, and what else became of reads."""

    def read() -> Iterable[Read]:
        for layer, count in client.answered_by.items():
            yield READS, (layer,), count
        yield REVALIDATED, (), client.revalidated
        yield COALESCED, (), client.coalesced
        yield INVALIDATED, (), client.invalidated

    return read


def of_teller(teller: Telling) -> Callable[[], Iterable[Read]]:
    """A source: what was told to readers elsewhere."""
    return lambda: [(INVALIDATED, (), teller.invalidated)]


def of_breakers(breakers: Mapping[str, Breaker]) -> Callable[[], Iterable[Read]]:
    """A source; `{what it stands before: breaker}`."""

    def read() -> Iterable[Read]:
        for to, breaker in breakers.items():
            yield CIRCUIT_OPENED, (to,), breaker.opened
            for state in State:
                yield CIRCUIT, (to, state.value), float(breaker.state is state)
                yield CIRCUIT_CHANGES, (to, state.value), breaker.changes[state]

    return read
