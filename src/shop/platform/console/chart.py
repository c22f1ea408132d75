"""The map of contexts, as the code has it: who publishes what, who hears it, and why."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from types import ModuleType

import msgspec

from shop.kernel.events import Event
from shop.platform.bus import Consumers, OnceMore, Reaction


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """A context, and what it is in a sentence."""

    name: str
    says: str


class Arrow(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of event, who publishes it, and what its consumers do when they hear it."""

    type: str
    by: str
    says: str
    heard: dict[str, str]


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """All of them."""

    contexts: tuple[Box, ...]
    events: tuple[Arrow, ...]


def chart_of(contracts: Mapping[str, ModuleType], consumers: Consumers) -> Chart:
    """From the contexts' contracts and the tables of their reactions; what they are is what their docstrings say."""
    boxes = (Box(name=name, says=_says(sys.modules[str(of.__package__)])) for name, of in contracts.items())
    arrows = (
        Arrow(type=kind.TYPE, by=name, says=_says(kind), heard=dict(_heard(kind.TYPE, consumers)))
        for name, contract in contracts.items()
        for kind in _kinds(contract)
    )
    return Chart(contexts=tuple(boxes), events=tuple(arrows))


def _kinds(contract: ModuleType) -> Iterator[type[Event]]:
    for kind in vars(contract).values():
        if isinstance(kind, type) and issubclass(kind, Event) and kind is not Event:
            yield kind


def _heard(kind: str, consumers: Consumers) -> Iterator[tuple[str, str]]:
    for name, reactions in consumers.items():
        if kind in reactions:
            yield name, _says(_innermost(reactions[kind]))


def _innermost(reaction: Reaction) -> Reaction:
    return reaction.react if isinstance(reaction, OnceMore) else reaction


def _says(thing: object) -> str:
    return " ".join((inspect.getdoc(thing) or "").split())
