"""A client of those of AWS's services that speak JSON, for functions that answer nobody and should begin soon.

It is asked, answers and fails as the SDK's client does, whose loading takes longer than all else of such a function.
It knows credentials, region and endpoint from the environment only, as Lambda gives them.
Source: Smithy, «AWS JSON 1.0 protocol» and «AWS JSON 1.1 protocol».
"""

from __future__ import annotations

import asyncio
import base64
import os
import random
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
from botocore.exceptions import ClientError, HTTPClientError, NoRegionError  # type: ignore[import-untyped]
from botocore.exceptions import ConnectionError as NotConnected

from shop.platform.aws_connections import Answered, Connections
from shop.platform.aws_operations import operation_of
from shop.platform.aws_signing import Credentials, Signer

_TARGETS = {  # what comes before an operation's name, and the version of the protocol
    "dynamodb": ("DynamoDB_20120810", "1.0"),
    "events": ("AWSEvents", "1.1"),
    "sqs": ("AmazonSQS", "1.0"),
}
_PASSES = {"PriorRequestNotComplete", "RequestTimeout", "RequestTimeoutException", "TransactionInProgressException"}
_THROTTLED = re.compile(r"Throttl|LimitExceeded|ThroughputExceeded|TooManyRequests|SlowDown")
_PASSING_STATUS = {500, 502, 503, 504}
_SAID_NO = 300
_LONGEST_WAIT = 20.0  # seconds


class Asked(NamedTuple):
    """A request, before it is signed."""

    operation: str
    body: bytes


class JsonClient:
    """Of one service: `await client.get_item(TableName=…)`, like the SDK's. `NoRegionError`."""

    def __init__(self, service: str, config: Mapping[str, Any], credentials: Credentials) -> None:
        """`config`: as the SDK's, of which it heeds timeouts, retries, and the number of connections."""
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        if not region:
            raise NoRegionError
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        self.url = os.environ.get("AWS_ENDPOINT_URL") or f"https://{service}.{region}.{suffix}"
        self._target, version = _TARGETS[service]
        self._headers = {"content-type": f"application/x-amz-json-{version}", "host": urlsplit(self.url).netloc}
        self._signer = Signer(credentials, service=service, region=region)
        self._tries = config["retries"]["total_max_attempts"]
        self._connections = Connections(
            self.url,
            most=config["max_pool_connections"],
            connect=config["connect_timeout"],
            read=config["read_timeout"],
        )

    async def aclose(self) -> None:
        """Its connections."""
        await self._connections.close()

    def __getattr__(self, name: str) -> Any:
        """`get_item` → the operation GetItem."""
        if name.startswith("_"):
            raise AttributeError(name)
        call = partial(self._call, operation_of(name))
        setattr(self, name, call)
        return call

    async def _call(self, operation: str, **asked: Any) -> Any:
        request = Asked(operation, msgspec.json.encode(asked))
        tried = 0
        while True:
            try:
                return _read(await self.send(request), operation)
            except (ClientError, HTTPClientError, NotConnected) as error:
                tried += 1
                if tried >= self._tries or not _passes(error):
                    raise
            await asyncio.sleep(random.random() * min(2 ** (tried - 1), _LONGEST_WAIT))  # noqa: S311 - jitter

    async def send(self, request: Asked) -> Answered:
        """One try; `HTTPClientError` as the SDK tells it."""
        told = {**self._headers, "x-amz-target": f"{self._target}.{request.operation}"}
        headers = self._signer.signed(told, request.body, at=datetime.now(UTC))
        if trace := os.environ.get("_X_AMZN_TRACE_ID"):  # by it Lambda sees that a function calls itself for ever
            headers["x-amzn-trace-id"] = trace
        return await self._connections.post(headers, request.body)


def _read(answer: Answered, operation: str) -> Any:
    try:
        told = msgspec.json.decode(answer.body or b"{}")
    except msgspec.DecodeError:
        told = {}
        if answer.status < _SAID_NO:
            raise
    if answer.status < _SAID_NO:
        return _bytes_in(told) if b'"B":' in answer.body else told
    kind, _, _ = answer.headers.get("x-amzn-query-error", "").partition(";")
    kind = kind or str(told.get("__type", answer.status)).rpartition("#")[2].partition(":")[0]
    error = {"Code": kind, "Message": told.get("message", told.get("Message", ""))}
    raise ClientError({**told, "Error": error, "ResponseMetadata": {"HTTPStatusCode": answer.status}}, operation)


def _bytes_in(told: Any) -> Any:
    """DynamoDB's bytes are base64 in JSON."""
    if isinstance(told, list):
        return [_bytes_in(one) for one in told]
    if isinstance(told, dict):
        if len(told) == 1 and isinstance(packed := told.get("B"), str):
            return {"B": base64.b64decode(packed)}
        return {name: _bytes_in(one) for name, one in told.items()}
    return told


def _passes(error: Exception) -> bool:
    """What the SDK's standard mode tries again, and whatever else sounds like it."""
    if not isinstance(error, ClientError):
        return True
    status, kind = error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
    return status in _PASSING_STATUS or kind in _PASSES or bool(_THROTTLED.search(kind))
