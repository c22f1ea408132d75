"""The template whole, and the file that is kept beside its makers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from infra.alarms import alarms
from infra.bus import bus
from infra.dashboard import dashboard
from infra.functions import functions, made
from infra.house import contexts
from infra.http_api import http_api
from infra.network import network
from infra.parameters import CONDITIONS, PARAMETERS
from infra.tables import tables
from infra.ways_in import ways_in
from infra.words import Resources, attribute, ref
from infra.yaml_text import text_of

FILE = Path(__file__).with_name("template.yaml")

_HEAD = """\
# Made by `make infra` from the tables that the code itself uses; a test compares. infra/README.md has the picture.
"""
_OUTPUTS = {
    "Url": {"Description": "Where the shop answers", "Value": attribute("Api", "ApiEndpoint")},
    "AlarmTopic": {"Description": "Where alarms go", "Value": ref("AlarmTopic")},
    "Bus": {"Description": "All events, for whoever else is to hear them", "Value": ref("Bus")},
}


def template() -> str:
    """As it is deployed."""
    told = [
        _HEAD,
        text_of({"AWSTemplateFormatVersion": "2010-09-09", "Description": "shop: catalog, orders and rewards"}),
        text_of({"Parameters": PARAMETERS}),
        text_of({"Conditions": CONDITIONS}),
        "Resources:\n",
        *(f"\n  # {heading}\n\n{_indented(text_of(resources))}" for heading, resources in _sections()),
        text_of({"Outputs": _OUTPUTS}),
    ]
    return "\n".join(part.rstrip("\n") for part in told) + "\n"


def shared() -> str:
    """What contexts share and keep, without what runs them: for servers of one's own."""
    shop = contexts()
    parts = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "shop: its tables, bus and queues",
        "Parameters": PARAMETERS,
        "Resources": {**tables(shop), **bus(shop)},
    }
    return json.dumps(parts)


def _sections() -> Iterator[tuple[str, Resources]]:
    shop = contexts()
    running = functions(shop)
    yield "Tables", tables(shop)
    yield "Bus, rules and queues", bus(shop)
    for one in running:
        yield f"{one.name}: its log, what it may do, and itself", made(one)
    yield "What calls the functions: queues, streams, the clock", ways_in(shop)
    yield "HTTP", http_api(shop)
    yield "Network and Redis", network()
    yield "Alarms", alarms(shop, running)
    yield "Dashboard", dashboard(shop, running)


def _indented(text: str) -> str:
    return "".join(f"  {line}" if line.strip() else line for line in text.splitlines(keepends=True))
