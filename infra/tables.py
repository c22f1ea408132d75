"""A table per context, and the log of all events: as the engine makes them, and what only an account can give them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from infra.house import Context
from infra.words import Json, Resources, logical, named
from shop.platform.storage import dynamodb_schema

# A shop's orders outlive its stack; only where making it fails do its empty tables go with the rest.
_KEPT = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
_NOT_KEPT = {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}
_BACK = {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}}  # as of any second of 35 days


def tables(contexts: Iterable[Context]) -> Resources:
    """The log is a copy of what was published, and goes with the stack."""
    found = {
        logical(one.name, "table"): {
            "Type": "AWS::DynamoDB::Table",
            **_KEPT,
            "Properties": {**_properties(one.name, dynamodb_schema.table(one.layout, stack="")), **_BACK},
        }
        for one in contexts
    }
    log = _properties("log", dynamodb_schema.log_table(stack=""))
    return {**found, "LogTable": {"Type": "AWS::DynamoDB::Table", **_NOT_KEPT, "Properties": log}}


def _properties(name: str, calls: Mapping[str, Json]) -> Json:
    """Of a resource, from the arguments of the calls that make a table."""
    made = {**calls["CreateTable"], "TableName": named(name)}
    if "StreamSpecification" in made:
        made["StreamSpecification"] = {"StreamViewType": made["StreamSpecification"]["StreamViewType"]}
    return {**made, "TimeToLiveSpecification": calls["UpdateTimeToLive"]["TimeToLiveSpecification"]}
