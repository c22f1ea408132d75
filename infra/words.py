"""The words of CloudFormation that the template is written with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Json = Any
Resources = Mapping[str, Json]  # logical id -> resource


def ref(name: str) -> Json:
    """A parameter's value, or what names a resource."""
    return {"Ref": name}


def sub(text: str) -> Json:
    """A text with `${…}` in it."""
    return {"Fn::Sub": text}


def attribute(resource: str, name: str) -> Json:
    """What a resource says of itself once it is there."""
    return {"Fn::GetAtt": [resource, name]}


def arn(resource: str) -> Json:
    """The resource's full name."""
    return attribute(resource, "Arn")


NOTHING = ref("AWS::NoValue")  # as if the property were not written


def when(condition: str, then: Json, otherwise: Json = NOTHING) -> Json:
    """One or the other."""
    return {"Fn::If": [condition, then, otherwise]}


def secret(key: str) -> Json:
    """A value of the stack's secret, put in by CloudFormation when it deploys; the template has its name alone."""
    return sub("{{resolve:secretsmanager:${Secret}:SecretString:" + key + "::${SecretVersion}}}")


def named(rest: str = "") -> Json:
    """A name of the stack's: its own, or that and `-rest`."""
    return sub("${AWS::StackName}" + (f"-{rest}" if rest else ""))


def logical(*parts: str) -> str:
    """`("orders", "sweep-outbox")` → `OrdersSweepOutbox`."""
    return "".join(word.capitalize() for part in parts for word in part.split("-"))


def allow(actions: Sequence[str], *resources: Json, **more: Json) -> Json:
    """A statement of a policy."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources), **more}


def policy(*statements: Json) -> Json:
    """A policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}
