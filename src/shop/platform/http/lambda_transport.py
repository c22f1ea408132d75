"""Asking another context through its Lambda function: where a function stands in a private network, no HTTP API is."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec
from aiohttp import ClientError as BrokenOff

from shop.platform.aws_errors import FAILED, why


@dataclass(frozen=True, slots=True)
class LambdaTransport(httpx.AsyncBaseTransport):
    """A request is one synchronous invocation, with the event that API Gateway would send (payload format 2.0)."""

    client: Any  # the SDK's, of `lambda`
    function: str

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The function's answer; `httpx.TransportError` where there is none."""
        event = _event(request, await request.aread())
        try:
            invoked = await self.client.invoke(FunctionName=self.function, Payload=event)
            payload = await invoked["Payload"].read()
        except (*FAILED, BrokenOff) as error:
            raise httpx.ConnectError(f"{self.function}: {why(error)}", request=request) from error
        if "FunctionError" in invoked:
            raise httpx.RemoteProtocolError(f"{self.function} failed", request=request)
        try:
            answer = msgspec.json.decode(payload, type=_Answer)
            return httpx.Response(answer.statusCode, headers=answer.headers, content=answer.content(), request=request)
        except (msgspec.MsgspecError, ValueError) as error:
            raise httpx.RemoteProtocolError(f"{self.function} gave no answer to HTTP", request=request) from error


class _Answer(msgspec.Struct):
    statusCode: int  # noqa: N815 - as it is on the wire
    headers: dict[str, str] = {}
    body: str = ""
    isBase64Encoded: bool = False  # noqa: N815

    def content(self) -> bytes:
        return base64.b64decode(self.body) if self.isBase64Encoded else self.body.encode()


def _event(request: httpx.Request, body: bytes) -> bytes:
    path, _, query = request.url.raw_path.decode("ascii").partition("?")
    return msgspec.json.encode(
        {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": query,
            "headers": dict(request.headers),
            "requestContext": {"http": {"method": request.method, "path": path}},
            "body": base64.b64encode(body).decode(),
            "isBase64Encoded": True,
        }
    )
