"""What each `contract.py` gives, as JSON Schemas (2020-12) under the name that events carry as their `dataschema`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import msgspec

from shop.catalog import contract as catalog
from shop.kernel.events import Event
from shop.orders import contract as orders
from shop.rewards import contract as rewards

CONTRACTS: Mapping[str, ModuleType] = {"catalog": catalog, "orders": orders, "rewards": rewards}

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

Kind = type[msgspec.Struct]


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """An event, a view or a part of one, in one version: `VERSION`, or 1 without it."""

    context: str
    kind: Kind

    @property
    def name(self) -> str:
        """`order.completed`, `OrderView`."""
        return self.kind.TYPE if issubclass(self.kind, Event) else self.kind.__name__

    @property
    def version(self) -> int:
        """Moves when readers of before could not read it (`contracts/breaks.py`)."""
        return int(getattr(self.kind, "VERSION", 1))

    @property
    def urn(self) -> str:
        """As in the envelope."""
        return urn(self.name, self.version)

    @property
    def source(self) -> str:
        """As in the envelope."""
        return f"/shop/{self.context}"

    @property
    def event(self) -> type[Event] | None:
        """The event, if it is one."""
        return self.kind if issubclass(self.kind, Event) else None

    def schema(self) -> dict[str, Any]:
        """A document that stands alone: the parts are among its `$defs`."""
        _, parts = msgspec.json.schema_components([self.kind], ref_template="#/$defs/{name}")
        whole = {"$schema": _DIALECT, "$id": self.urn, **parts.pop(self.kind.__name__)}
        if self.event:
            whole["x-event"] = {"type": self.name, "source": self.source, "subject": _subject(self.event)}
        as_json: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(whole | ({"$defs": parts} if parts else {})))
        return as_json


def urn(name: str, version: int) -> str:
    """`urn:shop:order.completed:1`."""
    return f"urn:shop:{name}:{version}"


def published() -> list[Published]:
    """All of it, by context and name: events, views, and the parts they are made of."""
    found = [
        Published(context=context, kind=kind)
        for context, module in CONTRACTS.items()
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__module__ == module.__name__
    ]
    return sorted(found, key=lambda one: (one.context, one.name))


def _subject(event: type[Event]) -> str:
    """The wire name of the field that holds the id of the aggregate."""
    (name,) = (field.encode_name for field in msgspec.structs.fields(event) if field.name == event.ABOUT)
    return name
