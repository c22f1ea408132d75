"""A template as tests read it: resources by type, and what names another one as a word."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.yaml_text import read

CONTEXTS = ("orders", "catalog", "rewards")
STACK = "${AWS::StackName}"
Json = Any
Faults = Iterator[str]


@dataclass(frozen=True)
class Told:
    whole: Json

    @property
    def resources(self) -> Mapping[str, Json]:
        return self.whole["Resources"]

    def of(self, kind: str) -> dict[str, Json]:
        """`{logical id: properties}`."""
        return {
            name: one.get("Properties", {}) for name, one in self.resources.items() if one["Type"] == f"AWS::{kind}"
        }

    def named(self, kind: str, by: str, name: str) -> tuple[str, Json]:
        """The one of the kind whose property is this name, the stack's own left out."""
        full = f"{STACK}-{name}" if name else STACK
        return next(
            ((key, one) for key, one in self.of(kind).items() if word(one.get(by)) == full), (f"no {kind} {name}", {})
        )

    def function(self, name: str) -> tuple[str, Json]:
        return self.named("Lambda::Function", "FunctionName", name)

    def queue(self, name: str) -> tuple[str, Json]:
        return self.named("SQS::Queue", "QueueName", name)

    def copy(self) -> Told:
        return Told(copy.deepcopy(self.whole))


def of_text(text: str) -> Told:
    return Told(read(text))


def word(value: Json) -> Json:
    """`!Ref A` → `A` · `!GetAtt A.Arn` → `A.Arn` · `!Sub text` → the text · `!If [c, a, b]` → `c ? a : b`."""
    if not isinstance(value, dict) or len(value) != 1:
        return value
    [(name, told)] = value.items()
    if name == "Fn::GetAtt":
        return ".".join(told)
    if name == "Fn::If":
        return f"{told[0]} ? {word(told[1])} : {word(told[2])}"
    return told if name in {"Ref", "Fn::Sub"} else value


def statements(role: Json) -> Iterator[Json]:
    """Of all policies of a role; of those that are there under a condition too."""
    for one in role["Policies"]:
        yield from (one["Fn::If"][1] if "Fn::If" in one else one)["PolicyDocument"]["Statement"]


def grants(role: Json) -> set[tuple[str, str]]:
    """`(action, resource)` of all that is allowed."""
    return {
        (action, word(resource))
        for one in statements(role)
        if one["Effect"] == "Allow"
        for action in one["Action"]
        for resource in one["Resource"]
    }
