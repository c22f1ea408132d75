"""The AsyncAPI 3.0 document of all events: a channel per type, who sends to it, who receives from it and why.

Source: https://www.asyncapi.com/docs/reference/specification/v3.0.0; CloudEvents 1.0.2, JSON format §3.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from contracts.context_map import reasons
from contracts.published import CONTRACTS, Published
from shop.entrypoints.monolith import Monolith
from shop.kernel.events import Envelope, Event
from shop.platform.bus import routes
from shop.platform.settings import read_settings

OWN = "what became of it is its own to record"  # a context that hears itself needs no line in the map

_ALWAYS_SENT = ("datacontenttype", "specversion")  # they have defaults only for who writes them
_SCHEMAS = "#/components/schemas/"


def asyncapi(events: Sequence[Published]) -> dict[str, Any]:
    """What is sent and received, with the wired shop's tables and the context map's reasons."""
    pyproject = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(pyproject)["project"]
    heard, why = hearers(), reasons(pyproject)
    kinds = {one.name: one.event for one in events if one.event}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "shop",
            "version": project["version"],
            "description": f"{project['description']} Its events, as CloudEvents 1.0: at least once, in any order.",
            "license": {"name": project["license"]},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {one.name: _channel(one) for one in events},
        "operations": {
            f"{context}.{verb}.{name}": _operation(context, action, name, summary)
            for name, sender, listeners in ((one.name, one.context, heard.get(one.name, ())) for one in events)
            for context, verb, action, summary in [
                (sender, "sends", "send", _first_line(kinds[name])),
                *((hearer, "hears", "receive", why.get((name, hearer), OWN)) for hearer in listeners),
            ]
        },
        "components": {
            "messages": {one.name: _message(one, kinds[one.name]) for one in events},
            "schemas": _schemas(list(kinds.values())),
        },
    }


def hearers() -> dict[str, tuple[str, ...]]:
    """`{event type: contexts whose table of reactions has it}`."""
    with TemporaryDirectory() as data:
        house = Monolith(settings=read_settings({"SHOP_DATA": data}))
        return routes({context: getattr(house, context)().reactions().table() for context in CONTRACTS})


def _channel(one: Published) -> dict[str, Any]:
    return {
        "address": one.name,
        "messages": {one.name: {"$ref": f"#/components/messages/{one.name}"}},
    }


def _operation(context: str, action: str, name: str, summary: str) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{name}"},
        "messages": [{"$ref": f"#/channels/{name}/messages/{name}"}],
        "summary": summary,
        "tags": [{"name": context}],
    }


def _message(one: Published, kind: type[Event]) -> dict[str, Any]:
    envelope = {
        "type": {"const": one.name},
        "source": {"const": one.source},
        "dataschema": {"const": one.urn},
        "data": {"$ref": f"{_SCHEMAS}{kind.__name__}"},
    }
    return {
        "name": one.name,
        "title": kind.__name__,
        "summary": _first_line(kind),
        "payload": {"allOf": [{"$ref": f"{_SCHEMAS}{Envelope.__name__}"}, {"type": "object", "properties": envelope}]},
    }


def _schemas(kinds: Sequence[type[Event]]) -> Mapping[str, Any]:
    _, schemas = msgspec.json.schema_components([Envelope, *kinds], ref_template=f"{_SCHEMAS}{{name}}")
    envelope = schemas[Envelope.__name__]
    return schemas | {Envelope.__name__: envelope | {"required": [*envelope["required"], *_ALWAYS_SENT]}}


def _first_line(kind: type[Event]) -> str:
    return (kind.__doc__ or "").partition("\n")[0]
