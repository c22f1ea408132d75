"""The SDK's hooks on a client of ours, so that one suite holds both to the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple

from aiobotocore.awsrequest import AioAWSResponse  # type: ignore[import-untyped]
from aiobotocore.hooks import AioHierarchicalEmitter  # type: ignore[import-untyped]

from shop.platform.aws_connections import Answered
from shop.platform.aws_json import Asked, JsonClient

_IDS = {"events": "eventbridge"}  # of a service, where it is not called as its client


class _Raw(NamedTuple):
    body: bytes

    async def read(self) -> bytes:
        return self.body


@dataclass(frozen=True)
class _Hooks:
    events: AioHierarchicalEmitter
    service: str
    call: Any
    send: Any

    async def called(self, operation: str, **asked: Any) -> Any:
        context: dict[str, Any] = {}
        name, told = f"{self.service}.{operation}", {"context": context, "model": None}
        answers = await self.events.emit(f"provide-client-params.{name}", params=asked, **told)
        given: Mapping[str, Any] = next((answer for _, answer in answers if answer is not None), asked)
        parsed = await self.call(operation, **given)
        response = SimpleNamespace(status_code=200)  # what is refused was raised
        await self.events.emit(f"after-call.{name}", http_response=response, parsed=parsed, **told)
        return parsed

    async def sent(self, request: Asked) -> Answered:
        answers = await self.events.emit(f"before-send.{self.service}.{request.operation}", request=request)
        found = next((answer for _, answer in answers if answer is not None), None)
        return Answered(found.status_code, found.headers, await found.content) if found else await self.send(request)

    async def past(self, request: Asked) -> AioAWSResponse:
        """As it is, without the hooks."""
        answer = await self.send(request)
        return AioAWSResponse("planted", answer.status, answer.headers, _Raw(answer.body))


def hook(client: JsonClient, service: str) -> None:
    """Give it what tests use of the SDK's client besides its operations."""
    hooks = _Hooks(AioHierarchicalEmitter(), _IDS.get(service, service), client._call, client.send)  # noqa: SLF001
    one: Any = client
    one._call, one.send = hooks.called, hooks.sent  # noqa: SLF001 - where the SDK's has its hooks
    model = SimpleNamespace(service_id=SimpleNamespace(hyphenize=lambda: hooks.service))
    one.meta = SimpleNamespace(events=hooks.events, service_model=model, endpoint_url=client.url)
    one._endpoint = SimpleNamespace(http_session=SimpleNamespace(send=hooks.past))  # noqa: SLF001
