"""The HTTP API: each first segment of a path goes to the context that answers there; what nobody knows, to the feed,
which refuses it as every function refuses what it does not know.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from infra.functions import ANSWER_SECONDS
from infra.house import Context
from infra.words import Json, Resources, arn, logical, named, ref, sub

_FEED = "Feed"
# No address and nothing of the request's content: access logs are read by more people than data.
_ACCESS = {
    "requestId": "$context.requestId",
    "at": "$context.requestTimeEpoch",
    "route": "$context.routeKey",
    "path": "$context.path",
    "status": "$context.status",
    "milliseconds": "$context.responseLatency",
    "bytes": "$context.responseLength",
    "error": "$context.integrationErrorMessage",
}


def http_api(contexts: Iterable[Context]) -> Resources:
    """API, stage, log; per function an integration, a permission and its routes."""
    found: dict[str, Json] = {
        "Api": {
            "Type": "AWS::ApiGatewayV2::Api",
            "Properties": {"Name": named(), "ProtocolType": "HTTP"},
        },
        "ApiLog": {
            "Type": "AWS::Logs::LogGroup",
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Delete",
            "Properties": {
                "LogGroupName": sub("/aws/apigateway/${AWS::StackName}"),
                "RetentionInDays": ref("LogRetentionDays"),
            },
        },
        "Stage": {
            "Type": "AWS::ApiGatewayV2::Stage",
            "Properties": {
                "ApiId": ref("Api"),
                "StageName": "$default",
                "AutoDeploy": True,
                "DefaultRouteSettings": {
                    "ThrottlingRateLimit": ref("RequestsPerSecond"),
                    "ThrottlingBurstLimit": ref("RequestsAtOnce"),
                },
                "AccessLogSettings": {"DestinationArn": arn("ApiLog"), "Format": json.dumps(_ACCESS)},
            },
        },
    }
    for one in contexts:
        keys = [f"ANY {first}{rest}" for first, rests in one.prefixes.items() for rest in rests]
        found.update(_answered_by(logical(one.name, "api"), keys))
    return {**found, **_answered_by(_FEED, ["GET /events", "$default"])}


def _answered_by(function: str, keys: Iterable[str]) -> Resources:
    integration = f"{function}Integration"
    return {
        integration: {
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {
                "ApiId": ref("Api"),
                "IntegrationType": "AWS_PROXY",
                "IntegrationUri": arn(function),
                "PayloadFormatVersion": "2.0",
                "TimeoutInMillis": (ANSWER_SECONDS + 1) * 1000,
            },
        },
        f"{function}Permission": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "Action": "lambda:InvokeFunction",
                "FunctionName": ref(function),
                "Principal": "apigateway.amazonaws.com",
                "SourceArn": sub("arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*"),
            },
        },
        **{
            f"{function}Route{_words(key)}": {
                "Type": "AWS::ApiGatewayV2::Route",
                "Properties": {
                    "ApiId": ref("Api"),
                    "RouteKey": key,
                    "Target": {"Fn::Sub": f"integrations/${{{integration}}}"},
                },
            }
            for key in keys
        },
    }


def _words(key: str) -> str:
    """`ANY /orders/{proxy+}` → `OrdersBelow`."""
    path = key.split("/", 1)[-1].replace("/{proxy+}", "-below").strip("$")
    return logical(path) or "Default"
