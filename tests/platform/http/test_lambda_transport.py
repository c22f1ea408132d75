"""Asking another context through its Lambda function: an app answers as if there were a network, or nobody does."""

from __future__ import annotations

import asyncio
import base64
import gzip
import io
import json
import zipfile
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from aiohttp import ClientPayloadError
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from hypothesis import given
from hypothesis import strategies as st

from shop.platform.aws import Aws
from shop.platform.http.breaker import Breaker, CircuitOpen, State
from shop.platform.http.lambda_transport import LambdaTransport
from shop.platform.http.transports import resilient
from shop.platform.lambda_adapter import answering

TOKEN = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12)
VALUE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=20)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1, max_size=20)
TAKEN = {"connection", "content-encoding", "content-length", "host", "transfer-encoding", "cookie"}
HEADERS = st.dictionaries(TOKEN.filter(lambda name: name not in TAKEN), VALUE, max_size=5)


def refused(code: str, status: int) -> ClientError:
    told = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(told, "Invoke")


@dataclass
class Payload:
    body: bytes
    error: Exception | None = None

    async def read(self) -> bytes:
        if self.error:
            raise self.error
        return self.body


@dataclass
class Sdk:
    """AWS's client: runs the function here, through JSON both ways, or does what it is told instead."""

    function: Any = None
    answers: list[Any] = field(default_factory=list)  # bytes, a mapping to merge, or what is raised
    asked: list[dict[str, Any]] = field(default_factory=list)

    async def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - the SDK's words
        self.asked.append({"function": FunctionName, "event": json.loads(Payload)})
        if self.answers:
            told = self.answers.pop(0)
            if isinstance(told, Exception):
                raise told
            return told
        return found(json.dumps(await self.function(json.loads(Payload))).encode())


def found(body: bytes, **more: Any) -> dict[str, Any]:
    return {"StatusCode": 200, "Payload": Payload(body)} | more


OK = found(b'{"statusCode": 200, "headers": {}, "body": "{}", "isBase64Encoded": false}')


def request(url: str = "http://catalog/products/p1", **more: Any) -> httpx.Request:
    return httpx.Request("GET", url, **more)


async def ask(*answers: Any, url: str = "http://catalog/products/p1") -> httpx.Response:
    return await LambdaTransport(Sdk(answers=list(answers)), "shop-catalog-api").handle_async_request(request(url))


@given(
    segments=st.lists(TEXT, min_size=1, max_size=3),
    params=st.lists(st.tuples(TEXT, TEXT), max_size=4),
    asked=HEADERS,
    sent=st.binary(max_size=200),
    status=st.sampled_from([200, 201, 304, 404, 412, 503]),
    answered=HEADERS,
    body=st.one_of(st.binary(max_size=200), st.text(max_size=50).map(str.encode)),
)
async def test_what_is_asked_and_answered_comes_whole_through_an_invocation(
    segments, params, asked, sent, status, answered, body
):
    seen = {}

    async def app(scope, receive, send):
        seen.update(scope, body=(await receive())["body"])
        told = [(name.encode(), value.encode()) for name, value in answered.items()]
        await send({"type": "http.response.start", "status": status, "headers": told})
        await send({"type": "http.response.body", "body": body})

    path = "/" + "/".join(quote(one, safe="") for one in segments)
    url = httpx.URL(f"http://catalog{path}").copy_merge_params(params)
    question = httpx.Request("POST", url, headers=asked, content=sent)

    answer = await LambdaTransport(Sdk(answering(app)), "shop-catalog-api").handle_async_request(question)

    assert (answer.status_code, answer.content) == (status, body)
    assert {name: answer.headers[name] for name in answered} == answered
    assert seen["path"] == "/" + "/".join(segments)
    assert seen["query_string"] == url.query
    assert seen["body"] == sent
    headers = {name.decode(): value.decode() for name, value in seen["headers"]}
    assert {name: headers[name] for name in asked} == asked
    assert headers["host"] == "catalog"


async def test_the_named_function_is_asked_once_and_for_its_answer():
    sdk = Sdk(answers=[OK])

    await LambdaTransport(sdk, "shop-catalog-api").handle_async_request(
        request("http://catalog/products?ids=a,b", headers={"If-None-Match": '"1"'})
    )

    [told] = sdk.asked
    assert told["function"] == "shop-catalog-api"
    assert told["event"]["version"] == "2.0"
    assert told["event"]["requestContext"]["http"]["method"] == "GET"
    assert (told["event"]["rawPath"], told["event"]["rawQueryString"]) == ("/products", "ids=a,b")
    assert told["event"]["headers"]["if-none-match"] == '"1"'


@pytest.mark.parametrize(
    "error",
    [
        refused("TooManyRequestsException", 429),
        refused("ResourceNotFoundException", 404),
        refused("AccessDeniedException", 403),
        refused("ServiceException", 500),
        ConnectTimeoutError(endpoint_url="http://aws"),
        ReadTimeoutError(endpoint_url="http://aws"),
        EndpointConnectionError(endpoint_url="http://aws"),
        NoCredentialsError(),
        ClientPayloadError(),
        ConnectionResetError(),
        TimeoutError(),
    ],
    ids=repr,
)
async def test_an_invocation_that_fails_is_no_answer(error):
    with pytest.raises(httpx.TransportError, match="shop-catalog-api"):
        await ask(error)


async def test_a_throttled_function_is_named_with_what_aws_said():
    with pytest.raises(httpx.ConnectError, match=r"shop-catalog-api: Invoke: TooManyRequestsException"):
        await ask(refused("TooManyRequestsException", 429))


@pytest.mark.parametrize("error", [ResponseStreamingError(error="cut"), ClientPayloadError(), TimeoutError()], ids=repr)
async def test_an_answer_that_breaks_off_is_none(error):
    with pytest.raises(httpx.TransportError):
        await ask({"StatusCode": 200, "Payload": Payload(b"", error)})


async def test_a_function_that_failed_gave_no_answer_though_its_error_is_json():
    error = b'{"statusCode": 200, "errorType": "ZeroDivisionError", "errorMessage": "division by zero"}'

    with pytest.raises(httpx.RemoteProtocolError, match="failed"):
        await ask(found(error, FunctionError="Unhandled"))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"{}",
        b"[]",
        b'"fine"',
        b"\xff",
        b'{"statusCode": "200"}',
        b'{"statusCode": 200, "headers": {"a": 1}}',
        b'{"statusCode": 200, "body": null}',
        b'{"statusCode": 200, "body": "a", "isBase64Encoded": true}',
        b"[" * 100_000,
    ],
)
async def test_what_is_no_answer_of_http_is_none(payload):
    with pytest.raises(httpx.RemoteProtocolError, match="shop-catalog-api"):
        await ask(found(payload))


async def test_a_compressed_answer_is_read():
    packed = base64.b64encode(gzip.compress(b'{"data": []}')).decode()
    told = {"statusCode": 200, "headers": {"content-encoding": "gzip"}, "body": packed, "isBase64Encoded": True}

    assert (await ask(found(json.dumps(told).encode()))).json() == {"data": []}


async def test_no_answer_is_tried_again(seconds):
    busy, failed = refused("TooManyRequestsException", 429), found(b"{}", FunctionError="Unhandled")
    sdk = Sdk(answers=[busy, failed, found(b"rubbish"), OK])
    client = resilient(LambdaTransport(sdk, "f"), breaker=Breaker(now=seconds), seconds=2, chance=lambda: 0.0)

    assert (await client.handle_async_request(request())).status_code == 200
    assert len(sdk.asked) == 4


async def test_no_answer_is_counted_by_the_breaker(seconds):
    sdk = Sdk(answers=[found(b"{}", FunctionError="Unhandled"), refused("TooManyRequestsException", 429)] * 3)
    breaker = Breaker(now=seconds, failures=4)
    client = resilient(LambdaTransport(sdk, "f"), breaker=breaker, seconds=2, chance=lambda: 0.0)

    with pytest.raises(httpx.TransportError):
        await client.handle_async_request(request())
    with pytest.raises(CircuitOpen):
        await client.handle_async_request(request())

    assert len(sdk.asked) == 4


async def test_a_function_that_takes_too_long_is_a_timeout(seconds):
    class Slow:
        async def invoke(self, **_: Any) -> None:
            await asyncio.Event().wait()

    breaker = Breaker(now=seconds, failures=4)
    client = resilient(LambdaTransport(Slow(), "f"), breaker=breaker, seconds=0.001, chance=lambda: 0.0)

    with pytest.raises(httpx.ReadTimeout):
        await client.handle_async_request(request())
    assert breaker.state is State.OPEN


FUNCTION = """
import json
def handler(event, context):
    if event["rawPath"] == "/poison":
        raise ValueError("poison")
    if event["rawPath"] == "/rubbish":
        return "rubbish"
    told = {"path": event["rawPath"], "query": event["rawQueryString"], "tag": event["headers"].get("if-none-match")}
    return {"statusCode": 203, "headers": {"etag": '"7.1"'}, "body": json.dumps(told), "isBase64Encoded": False}
"""


@pytest.mark.aws
async def test_a_real_invocation_answers_fails_or_finds_nobody(on_aws, stack):  # noqa: ARG001 - it is found by the environment
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("given.py", FUNCTION)
    aws = Aws(("lambda",))
    await aws.open()
    try:
        client, name = aws.client("lambda"), f"{stack}-catalog-api"
        await client.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Handler="given.handler",
            Role="arn:aws:iam::000000000000:role/any",
            Code={"ZipFile": packed.getvalue()},
        )
        there = LambdaTransport(client, name)

        answer = await there.handle_async_request(
            request("http://catalog/products?ids=a%2Cb", headers={"If-None-Match": '"7.1"'})
        )
        assert (answer.status_code, answer.headers["etag"]) == (203, '"7.1"')
        assert answer.json() == {"path": "/products", "query": "ids=a%2Cb", "tag": '"7.1"'}

        for path in ("poison", "rubbish"):
            with pytest.raises(httpx.RemoteProtocolError):
                await there.handle_async_request(request(f"http://catalog/{path}"))
        with pytest.raises(httpx.ConnectError, match="ResourceNotFoundException"):
            await LambdaTransport(client, f"{name}-not-there").handle_async_request(request())
    finally:
        await aws.close()
