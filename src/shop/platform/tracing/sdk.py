"""What is asked of AWS: a span for each call of its SDK («AWS SDK», «DynamoDB»), in a trace that is under way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from opentelemetry.trace import SpanKind

from shop.platform.aws import Aws
from shop.platform.aws_errors import code
from shop.platform.aws_operations import operation_of
from shop.platform.tracing.spans import Tracing, under_way, within

_NAMES = {"dynamodb": "DynamoDB", "events": "EventBridge", "sqs": "SQS", "lambda": "Lambda"}


class _Carried(msgspec.Struct):
    traceparent: str | None = None


class TracedAws:
    """The clients, whose calls are seen."""

    def __init__(self, aws: Aws, tracing: Tracing) -> None:
        self._aws = aws
        self._tracing = tracing
        self._clients: dict[str, TracedClient] = {}

    async def open(self) -> None:
        """As the clients'."""
        await self._aws.open()

    async def close(self) -> None:
        """As the clients'."""
        self._clients.clear()
        await self._aws.close()

    def client(self, service: str) -> Any:
        """The client; `KeyError` if it was not named, or is not open."""
        if service not in self._clients:
            self._clients[service] = TracedClient(self._aws.client(service), service, self._tracing)
        return self._clients[service]


class TracedClient:
    """Of one service; whatever is called of it here is an operation of the service, by its Python name."""

    def __init__(self, client: Any, service: str, tracing: Tracing) -> None:
        self._client = client
        self._service = service
        self._tracing = tracing

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        if not callable(call):
            return call
        operation = operation_of(name)
        traced = self.__dict__[name] = self._traced(operation, call)
        return traced

    def _traced(self, operation: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        service = _NAMES[self._service]
        told: dict[str, Any] = {"rpc.system.name": "aws-api", "rpc.method": f"{service}/{operation}"}
        if self._service == "dynamodb":
            told |= {"db.system.name": "aws.dynamodb", "db.operation.name": operation}

        async def spanned(**asked: Any) -> Any:
            traces = _traces(asked)
            if not traces and not under_way():
                return await call(**asked)
            place: dict[str, Any] = {"within": within(traces[0]), "links": traces[1:]} if traces else {}
            tables = _tables(asked) if self._service == "dynamodb" else []
            more = {"aws.dynamodb.table_names": tables, "db.collection.name": tables[0]} if tables else {}
            with self._tracing.span(f"{service}.{operation}", SpanKind.CLIENT, {**told, **more}, **place) as span:
                try:
                    return await call(**asked)
                except Exception as error:
                    if name := code(error):
                        span.fail(name, kind=name)
                    raise

        return spanned


def _traces(asked: Mapping[str, Any]) -> list[str]:
    """Of the events of a PutEvents, in which it is to be seen: in the first, with links to the others."""
    found = [
        msgspec.json.decode(entry["Detail"], type=_Carried).traceparent
        for entry in asked.get("Entries", ())
        if "Detail" in entry
    ]
    return list(dict.fromkeys(one for one in found if one))


def _tables(asked: Mapping[str, Any]) -> list[str]:
    if "TableName" in asked:
        return [asked["TableName"]]
    if "RequestItems" in asked:
        return list(asked["RequestItems"])
    return list(dict.fromkeys(what["TableName"] for item in asked.get("TransactItems", ()) for what in item.values()))
