"""What a publisher may change without telling its readers: pure functions from two schemas to what breaks.

Readers are of two kinds, and there are always both: those of before, not replaced yet, who get what is written now; and
those of now, who find what was written before: in queues, dead letters, the feed of events, answers kept for an
Idempotency-Key, caches. So within one version a schema may gain optional fields and change its words. Every other
difference is a break, also one that nobody has thought about yet.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

WORDS = frozenset({"$schema", "$id", "$comment", "$defs", "title", "description", "examples"})
BOUNDS = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "format", "pattern", "uniqueItems"}
    | {"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"}
)
UNIONS = ("anyOf", "oneOf", "allOf", "prefixItems")
STRUCTURE = frozenset({"properties", "required", "items", "additionalProperties", *UNIONS})


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of difference that breaks readers, and how. `finds` compares one level: the fields (or "") it is at."""

    what: str
    why: str
    finds: Callable[[Schema, Schema], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Break:
    """A difference: where (`lines[].quantity`, "" for the whole) and of which kind."""

    where: str
    rule: Rule

    def __str__(self) -> str:
        return f"{self.where or 'the whole'}: {self.rule.what}, and {self.rule.why}"


def breaks(old: Schema, new: Schema) -> list[Break]:
    """All that breaks readers of one who meet the other; none if the change may be made without telling."""
    return list(dict.fromkeys(_compare(_resolved(old, old), _resolved(new, new), "")))


def _fields(schema: Schema) -> Mapping[str, Schema]:
    return dict(schema.get("properties", {}))


def _required(schema: Schema) -> set[str]:
    return set(schema.get("required", ()))


def _gone(old: Schema, new: Schema) -> Iterator[str]:
    yield from sorted(_fields(old).keys() - _fields(new).keys())


def _new_and_required(old: Schema, new: Schema) -> Iterator[str]:
    yield from sorted(_required(new) - _fields(old).keys())


def _now_required(old: Schema, new: Schema) -> Iterator[str]:
    yield from sorted((_required(new) - _required(old)) & _fields(old).keys())


def _now_optional(old: Schema, new: Schema) -> Iterator[str]:
    yield from sorted((_required(old) - _required(new)) & _fields(new).keys())


def _contents(old: Schema, new: Schema) -> Iterator[str]:
    if any(len(old.get(union, ())) != len(new.get(union, ())) for union in UNIONS) or _unlike(
        old.get("items", True), new.get("items", True)
    ):
        yield ""


def _others(old: Schema, new: Schema) -> Iterator[str]:
    if _unlike(old.get("additionalProperties", True), new.get("additionalProperties", True)):
        yield ""


def _unlike(before: object, after: object) -> bool:
    """They differ, and there is no going deeper."""
    return before != after and not (isinstance(before, dict) and isinstance(after, dict))


def _moved(*keywords: str) -> Callable[[Schema, Schema], Iterator[str]]:
    def differ(old: Schema, new: Schema) -> Iterator[str]:
        if any((word in old, old.get(word)) != (word in new, new.get(word)) for word in keywords):
            yield ""

    return differ


def _unheard_of(old: Schema, new: Schema) -> Iterator[str]:
    """Keywords that no other rule is about."""
    yield from _moved(*sorted((old.keys() | new.keys()) - WORDS - BOUNDS - STRUCTURE - _NAMED))(old, new)


_NAMED = frozenset({"type", "$ref", "enum", "const", "default", "x-event"})

RULES = (
    Rule("a field is gone or has another name", "who reads it gets nothing, or its default, for ever", _gone),
    Rule("a new field is required", "what was written before lacks it", _new_and_required),
    Rule("an optional field became required", "what was written before may lack it", _now_required),
    Rule("a required field became optional", "readers of before refuse what lacks it", _now_optional),
    Rule(
        "the type is another",
        "wider, readers of before refuse it; narrower, those of now what was",
        _moved("type", "$ref"),
    ),
    Rule("what it may hold is other", "readers of one meet what only the other knows", _contents),
    Rule("a listed value came or went", "readers of one meet what only the other lists", _moved("enum", "const")),
    Rule("a bound moved", "wider, readers of before refuse more; narrower, those of now what was", _moved(*BOUNDS)),
    Rule("the default is another", "where it is left out, old and new readers take it differently", _moved("default")),
    Rule("further fields are met differently", "who forbids them can never be sent one", _others),
    Rule("the envelope says otherwise", "consumers choose by type and source, and group by subject", _moved("x-event")),
    Rule("something has changed that no rule is about", "nobody has thought about its readers", _unheard_of),
)


def _compare(old: Schema, new: Schema, where: str) -> Iterator[Break]:
    for rule in RULES:
        yield from (Break(_at(where, field), rule) for field in rule.finds(old, new))
    for below, before, after in _below(old, new):
        yield from _compare(before, after, f"{where}{below}" if below.startswith(("[", "{")) else _at(where, below))


def _below(old: Schema, new: Schema) -> Iterator[tuple[str, Schema, Schema]]:
    """What both have one level deeper, and where."""
    before, after = _fields(old), _fields(new)
    yield from ((name, before[name], after[name]) for name in sorted(before.keys() & after.keys()))
    for keyword, sign in (("items", "[]"), ("additionalProperties", "{}")):
        one, other = old.get(keyword), new.get(keyword)
        if isinstance(one, dict) and isinstance(other, dict):
            yield sign, one, other
    for union in UNIONS:
        before_and_after = (old.get(union, ()), new.get(union, ()))
        if len({*map(len, before_and_after)}) == 1:
            yield from (("", one, other) for one, other in zip(*before_and_after, strict=True))


def _at(where: str, field: str) -> str:
    return f"{where}.{field}" if where and field else where or field


def _resolved(node: Any, root: Schema, seen: tuple[str, ...] = ()) -> Any:
    """The same without references, words, or an order where order says nothing. One to itself stays a reference."""
    if isinstance(node, list):
        return [_resolved(one, root, seen) for one in node]
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref")
    if reference and reference not in seen:
        target = root["$defs"][reference.removeprefix("#/$defs/")]
        return _resolved(target | {key: node[key] for key in node if key != "$ref"}, root, (*seen, reference))
    plain = {key: node[key] if key in _AS_IT_IS else _under(key, node[key], root, seen) for key in node.keys() - WORDS}
    return plain | {key: sorted(plain[key], key=_text) for key in ("anyOf", "oneOf", "enum") if key in plain}


_AS_IT_IS = frozenset({"default", "const", "enum", "required", "x-event"})  # values, not schemas


def _under(key: str, value: Any, root: Schema, seen: tuple[str, ...]) -> Any:
    if key == "properties":  # their names may be those of keywords
        return {name: _resolved(schema, root, seen) for name, schema in value.items()}
    return _resolved(value, root, seen)


def _text(one: Any) -> tuple[str, str]:
    return str(one.get("type", "")) if isinstance(one, dict) else "", json.dumps(one, sort_keys=True)
