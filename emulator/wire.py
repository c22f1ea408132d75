"""Between a client of AWS and the emulator: what is sent, and faults that the emulator does not have."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiobotocore.awsrequest import AioAWSResponse  # type: ignore[import-untyped]
from botocore.exceptions import ReadTimeoutError  # type: ignore[import-untyped]


class Sent(NamedTuple):
    """A request of a JSON protocol."""

    operation: str
    asked: Mapping[str, Any]


Send = Callable[[], Awaitable[AioAWSResponse]]
Fault = Callable[[Send], Awaitable[AioAWSResponse]]  # called with what sends the request as it is
Alter = Callable[[dict[str, Any]], Any]  # of an answer's document, in its place


@dataclass
class Wire:
    """Notes all that an aiobotocore client sends; each operation meets its faults first, one a request."""

    client: Any
    sent: list[Sent] = field(default_factory=list)
    faults: defaultdict[str, deque[Fault]] = field(default_factory=lambda: defaultdict(deque))

    def __post_init__(self) -> None:
        service = self.client.meta.service_model.service_id.hyphenize()
        self.client.meta.events.register(f"before-send.{service}", self._sending)

    def meets(self, operation: str, *faults: Fault) -> None:
        """The next requests of this operation meet these, then none."""
        self.faults[operation].extend(faults)

    def operations(self) -> Sequence[str]:
        """What was asked for, in order."""
        return [sent.operation for sent in self.sent]

    def of(self, operation: str) -> Sequence[Mapping[str, Any]]:
        """What was asked in requests of this operation, in order."""
        return [sent.asked for sent in self.sent if sent.operation == operation]

    async def _sending(self, request: Any, event_name: str, **_: Any) -> AioAWSResponse | None:
        operation = event_name.rpartition(".")[2]
        self.sent.append(Sent(operation, json.loads(request.body)))
        if not self.faults[operation]:
            return None
        fault = self.faults[operation].popleft()
        return await fault(lambda: self.client._endpoint.http_session.send(request))  # noqa: SLF001 - as it does itself


def refused(code: str, *, status: int = 400, **more: Any) -> Fault:
    """An error instead of what was asked for."""

    async def fault(_: Send) -> AioAWSResponse:
        return _answer(status, {"__type": f"com.amazonaws.shop#{code}", "message": "planted", **more})

    return fault


def cancelled(*reasons: str) -> Fault:
    """A transaction that was cancelled, for these reasons."""
    return refused("TransactionCanceledException", CancellationReasons=[{"Code": reason} for reason in reasons])


async def lost(send: Send) -> AioAWSResponse:
    """It is done, but nobody hears of it."""
    await send()
    raise ReadTimeoutError(endpoint_url="planted")


async def never_sent(_: Send) -> AioAWSResponse:
    """It is not done, and nobody hears of that."""
    raise ReadTimeoutError(endpoint_url="planted")


def altered(alter: Alter) -> Fault:
    """An answer that says something else than the emulator said."""

    async def fault(send: Send) -> AioAWSResponse:
        answer = await send()
        document = json.loads(await answer.content)
        alter(document)
        return _answer(answer.status_code, document)

    return fault


class _Raw(NamedTuple):
    body: bytes

    async def read(self) -> bytes:
        return self.body


def _answer(status: int, document: Mapping[str, Any]) -> AioAWSResponse:
    headers = {"content-type": "application/x-amz-json-1.0"}
    return AioAWSResponse("planted", status, headers, _Raw(json.dumps(document).encode()))
