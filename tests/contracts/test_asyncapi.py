from __future__ import annotations

import json
from typing import Any

import pytest

from contracts.asyncapi import OWN, hearers
from contracts.published import published
from contracts.snapshot import FOLDER


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return json.loads((FOLDER / "asyncapi.json").read_text(encoding="utf-8"))


def follow(document: dict[str, Any], reference: str) -> Any:
    assert reference.startswith("#/")
    for name in reference.removeprefix("#/").split("/"):
        document = document[name]
    return document


def references(node: Any) -> set[str]:
    if isinstance(node, dict):
        return {node["$ref"]} if "$ref" in node else set().union(*map(references, node.values()))
    return set().union(*map(references, node)) if isinstance(node, list) else set()


def test_every_event_has_a_channel_and_who_sends_to_it(document):
    events = [one for one in published() if one.event]

    assert document["channels"].keys() == {one.name for one in events}
    for one in events:
        sends = document["operations"][f"{one.context}.sends.{one.name}"]
        message = follow(document, follow(document, sends["messages"][0]["$ref"])["$ref"])
        envelope = message["payload"]["allOf"][1]["properties"]
        assert (sends["action"], sends["channel"]["$ref"]) == ("send", f"#/channels/{one.name}")
        assert envelope["dataschema"] == {"const": f"urn:shop:{one.name}:{one.version}"}


def test_who_hears_an_event_and_why_is_what_tables_and_map_say(document):
    received = {name: one for name, one in document["operations"].items() if one["action"] == "receive"}

    assert received.keys() == {f"{hearer}.hears.{kind}" for kind, heard in hearers().items() for hearer in heard}
    assert received["catalog.hears.order.created"]["summary"] == "reserve"
    for name, one in received.items():
        hearer, _, kind = name.partition(".hears.")
        assert (one["summary"] == OWN) == (f"{hearer}.sends.{kind}" in document["operations"])


def test_every_reference_leads_somewhere(document):
    for reference in references(document):
        assert follow(document, reference)
