"""What AWS would take of a line, and make of it."""

from __future__ import annotations

import json

import jsonschema_rs

# AWS, «Specification: Embedded metric format»: its schema, and what it says in words.
NAME = {"type": "string", "minLength": 1, "maxLength": 255}
DIRECTIVE = {
    "type": "object",
    "required": ["Namespace", "Dimensions", "Metrics"],
    "additionalProperties": False,
    "properties": {
        "Namespace": NAME,
        "Dimensions": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "array", "minItems": 0, "maxItems": 9, "items": NAME},
        },
        "Metrics": {
            "type": "array",
            "maxItems": 100,
            "items": {
                "type": "object",
                "required": ["Name"],
                "additionalProperties": False,
                "properties": {"Name": NAME, "Unit": {"enum": ["Seconds", "Count", "None"]}},  # of 27, those we use
            },
        },
    },
}
SCHEMA = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "additionalProperties": False,
            "properties": {
                "Timestamp": {"type": "integer"},
                "CloudWatchMetrics": {"type": "array", "items": DIRECTIVE},
            },
        }
    },
}
VALUES = {"anyOf": [{"type": "number"}, {"type": "array", "minItems": 1, "maxItems": 100, "items": {"type": "number"}}]}
LARGEST = 256 * 1024  # bytes


def checked(line):
    """The document of a line; fails where AWS would not take it."""
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert len(line.encode()) <= LARGEST
    document = json.loads(line)
    jsonschema_rs.validate(SCHEMA, document)
    for directive in document["_aws"]["CloudWatchMetrics"]:
        for metric in directive["Metrics"]:
            jsonschema_rs.validate(VALUES, document[metric["Name"]])
        for name in (name for names in directive["Dimensions"] for name in names):
            assert isinstance(document[name], str)
    return document


def extracted(documents):
    """What CloudWatch makes of them: `{(name, {dimension: value}): every value}`."""
    found = {}
    for document in documents:
        for directive in document["_aws"]["CloudWatchMetrics"]:
            for names in directive["Dimensions"]:
                for metric in directive["Metrics"]:
                    value = document[metric["Name"]]
                    key = (metric["Name"], *(f"{name}={document[name]}" for name in names))
                    found.setdefault(key, []).extend(value if isinstance(value, list) else [value])
    return found
