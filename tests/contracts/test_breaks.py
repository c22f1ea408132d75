from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.breaks import RULES, breaks

Schema = dict[str, Any]
PUBLISHED: Schema = {
    "$id": "urn:shop:order.created:1",
    "type": "object",
    "description": "An order was placed.",
    "properties": {
        "orderId": {"type": "string"},
        "reason": {"enum": ["customer", "expired"]},
        "points": {"type": "integer", "minimum": 0},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False},
    },
    "required": ["orderId", "reason", "points", "lines"],
    "x-event": {"type": "order.created", "source": "/shop/orders", "subject": "orderId"},
    "$defs": {"Line": {"type": "object", "properties": {"quantity": {"type": "integer"}}, "required": ["quantity"]}},
}


def at(schema: Schema, path: str) -> Any:
    """`reason` or `lines/items`, among its properties; `/x-event` of the schema itself; `Line/…` of its parts."""
    names = path.split("/")
    node: Any = schema if names[0] == "" else schema["$defs"] if names[0] == "Line" else schema["properties"]
    for name in filter(None, names):
        node = node[name]
    return node


def put(path: str, **values: Any) -> Callable[[Schema], Any]:
    return lambda schema: at(schema, path).update(values)


def cut(path: str, *names: str) -> Callable[[Schema], Any]:
    return lambda schema: [at(schema, path).pop(name) for name in names]


def do(path: str, method: str, *arguments: Any) -> Callable[[Schema], Any]:
    """`list.append` and the like."""
    return lambda schema: getattr(at(schema, path), method)(*arguments)


def both(*changes: Callable[[Schema], Any]) -> Callable[[Schema], Any]:
    return lambda schema: [change(schema) for change in changes]


@dataclass(frozen=True)
class Case:
    """A change of the schema, and what is said of it, if anything."""

    what: str
    change: Callable[[Schema], Any]
    said: tuple[tuple[str, str], ...] = ()


def nullable(kind: str) -> Schema:
    return {"anyOf": [{"type": kind}, {"type": "null"}]}


GONE = "a field is gone or has another name"
NEW, NOW_REQUIRED, NOW_OPTIONAL = (
    "a new field is required",
    "an optional field became required",
    "a required field became optional",
)
TYPE, HOLDS, LISTED, BOUND = (
    "the type is another",
    "what it may hold is other",
    "a listed value came or went",
    "a bound moved",
)
DEFAULT, OTHERS, ENVELOPE, UNHEARD_OF = (
    "the default is another",
    "further fields are met differently",
    "the envelope says otherwise",
    "something has changed that no rule is about",
)
LINE = PUBLISHED["$defs"]["Line"]
TEXT = {"type": "string"}
# fmt: off
MAY_BE_DONE = [
    Case("an optional field more", put("", properties=PUBLISHED["properties"] | {"since": TEXT | {"default": ""}})),
    Case("one in a part", put("Line/properties", gift={"type": "boolean", "default": False})),
    Case("another description", put("", description="Placed.")),
    Case("a field described", put("points", description="whole", examples=[3])),
    Case("a class renamed", both(put("lines", items={"$ref": "#/$defs/L"}), put("", **{"$defs": {"L": LINE}}))),
    Case("a part written out where it stands", put("lines", items=LINE)),
    Case("fields in another order", put("", properties=dict(reversed(PUBLISHED["properties"].items())))),
    Case("names of the required in another order", do("/required", "reverse")),
    Case("alternatives in another order", do("note/anyOf", "reverse")),
    Case("listed values in another order", do("reason/enum", "reverse")),
]
MAY_NOT_BE_DONE = [
    Case("an optional field removed", cut("/properties", "note"), (("note", GONE),)),
    Case("a required field removed", both(cut("/properties", "points"), do("/required", "remove", "points")),
         (("points", GONE),)),
    Case("a wire name changed", both(cut("/properties", "note"), put("/properties", remark=nullable("string"))),
         (("note", GONE),)),
    Case("a field of a part removed", put("Line", properties={}, required=[]), (("lines[].quantity", GONE),)),
    Case("a required field more", both(put("/properties", who=TEXT), do("/required", "append", "who")),
         (("who", NEW),)),
    Case("optional to required", do("/required", "append", "labels"), (("labels", NOW_REQUIRED),)),
    Case("required to optional", do("/required", "remove", "lines"), (("lines", NOW_OPTIONAL),)),
    Case("another type", put("orderId", type="integer"), (("orderId", TYPE),)),
    Case("a wider type", put("points", type="number"), (("points", TYPE),)),
    Case("may be null now", put("/properties", orderId=nullable("string")), (("orderId", TYPE), ("orderId", HOLDS))),
    Case("may not be null now", put("/properties", note=TEXT | {"default": None}), (("note", TYPE), ("note", HOLDS))),
    Case("one of the alternatives is other", put("note", **nullable("integer")), (("note", TYPE),)),
    Case("an alternative more", do("note/anyOf", "append", {"type": "integer"}), (("note", HOLDS),)),
    Case("other elements", put("lines", items=TEXT), (("lines[].quantity", GONE), ("lines[]", TYPE))),
    Case("any elements", cut("lines", "items"), (("lines", HOLDS),)),
    Case("other values of a map", put("labels", additionalProperties={"type": "integer"}), (("labels{}", TYPE),)),
    Case("a longer tuple", do("pair/prefixItems", "append", {}), (("pair", HOLDS),)),
    Case("a listed value more", do("reason/enum", "append", "staff"), (("reason", LISTED),)),
    Case("a listed value less", do("reason/enum", "pop"), (("reason", LISTED),)),
    Case("a tighter bound", put("points", minimum=1), (("points", BOUND),)),
    Case("a wider bound", cut("points", "minimum"), (("points", BOUND),)),
    Case("a pattern", put("orderId", pattern="^ord_"), (("orderId", BOUND),)),
    Case("another default", put("note", default=""), (("note", DEFAULT),)),
    Case("unknown fields forbidden", put("", additionalProperties=False), (("", OTHERS),)),
    Case("about something else", put("/x-event", subject="customerId"), (("", ENVELOPE),)),
    Case("a keyword nobody has thought of", put("", dependentRequired={"a": ["b"]}), (("", UNHEARD_OF),)),
]
# fmt: on


def said(old: Schema, new: Schema) -> tuple[tuple[str, str], ...]:
    return tuple((found.where, found.rule.what) for found in breaks(old, new))


@pytest.mark.parametrize("case", [*MAY_BE_DONE, *MAY_NOT_BE_DONE], ids=lambda case: case.what)
def test_of_a_change_is_said(case):
    changed = deepcopy(PUBLISHED)
    case.change(changed)

    assert changed != PUBLISHED or case.what.endswith("order")
    assert said(PUBLISHED, changed) == case.said


def test_every_rule_has_found_something():
    found = {what for case in MAY_NOT_BE_DONE for _, what in case.said}

    assert found == {rule.what for rule in RULES}


def test_a_type_that_holds_itself_is_compared_too():
    def tree(leaf: str) -> Schema:
        node = {"type": "object", "properties": {"leaf": {"type": leaf}, "below": {"items": {"$ref": "#/$defs/Node"}}}}
        return {"$ref": "#/$defs/Node", "$defs": {"Node": node}}

    assert said(tree("string"), tree("string")) == ()
    assert said(tree("string"), tree("integer")) == (("leaf", TYPE),)


# Whatever the schemas: where no break is found, each of them takes what the other one describes.

NAMES = ["a", "b", "c", "title"]
LEAVES = [{"type": "string"}, {"type": "integer"}, {"type": "number"}, {"enum": [1, 2]}, {"enum": [1, 2, 3]}]


def a_list_of(element: Schema) -> Schema:
    return {"type": "array", "items": element}


def or_null(kind: Schema) -> Schema:
    return {"anyOf": [kind, {"type": "null"}]}


def an_object(kinds: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    described = st.dictionaries(st.sampled_from(NAMES), st.tuples(kinds, st.booleans()), max_size=3)
    return described.map(
        lambda members: {
            "type": "object",
            "properties": {name: kind for name, (kind, _) in members.items()},
            "required": [name for name, (_, required) in members.items() if required],
        }
    )


kinds = st.recursive(
    st.sampled_from(LEAVES),
    lambda below: st.one_of(below.map(a_list_of), below.map(or_null), an_object(below)),
    max_leaves=5,
)
schemas = an_object(kinds)


@st.composite
def changed(draw: st.DrawFn, schema: Schema) -> Schema:
    """Some fields are gone, come, retyped or otherwise required; often none."""
    new = deepcopy(schema)
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=2, unique=True)):
        if draw(st.booleans()):
            new["properties"].setdefault(name, draw(kinds))
        elif draw(st.booleans()):
            new["properties"][name] = draw(kinds)
        elif name in new["required"]:
            new["required"].remove(name)
        elif name in new["properties"]:
            new["required"].append(name)
    return new


@st.composite
def described_by(draw: st.DrawFn, schema: Schema) -> object:
    if "anyOf" in schema:
        return draw(described_by(draw(st.sampled_from(schema["anyOf"]))))
    if "enum" in schema:
        return draw(st.sampled_from(schema["enum"]))
    if schema["type"] == "array":
        return draw(st.lists(described_by(schema["items"]), max_size=2))
    if schema["type"] == "object":
        there = [name for name in schema["properties"] if name in schema["required"] or draw(st.booleans())]
        return {name: draw(described_by(schema["properties"][name])) for name in there}
    of_type = {"string": st.just("x"), "integer": st.just(7), "number": st.just(0.5), "null": st.none()}
    return draw(of_type[schema["type"]])


@settings(max_examples=150, deadline=None)
@given(schemas.flatmap(lambda schema: st.tuples(st.just(schema), changed(schema))), st.data())
def test_where_nothing_breaks_each_takes_what_the_other_describes(pair, data):
    old, new = pair
    if breaks(old, new):
        return

    written_before, written_now = data.draw(described_by(old)), data.draw(described_by(new))

    jsonschema_rs.validate(new, written_before)
    jsonschema_rs.validate(old, written_now)


@settings(max_examples=100, deadline=None)
@given(schemas)
def test_nothing_breaks_where_nothing_changes(schema):
    assert breaks(schema, deepcopy(schema)) == []


@settings(max_examples=100, deadline=None)
@given(schemas, st.data())
def test_taking_a_field_away_is_a_break_wherever_it_is(schema, data):
    new = deepcopy(schema)
    objects = list(_objects(new))
    gone = data.draw(st.sampled_from(objects)) if objects else None
    if gone is None:
        return
    name = data.draw(st.sampled_from(sorted(gone["properties"])))
    del gone["properties"][name]
    gone["required"] = [one for one in gone["required"] if one != name]

    assert GONE in {what for _, what in said(schema, new)}


def _objects(node: Any) -> Any:
    if isinstance(node, dict):
        if node.get("type") == "object" and node.get("properties"):
            yield node
        for below in node.values():
            yield from _objects(below)
    if isinstance(node, list):
        for below in node:
            yield from _objects(below)
