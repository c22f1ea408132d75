"""What is no HTTP is refused as a problem, and nobody fills the memory with a head that never ends."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

import pytest
import uvicorn

from shop.platform.http_protocol import MOST_HEAD, ProblemProtocol


async def _app(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    body = json.dumps({"path": scope["path"]}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def server():
    """It serves."""
    server = uvicorn.Server(
        uvicorn.Config(_app, port=0, http=ProblemProtocol, lifespan="off", log_config=None, access_log=False)
    )
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(5):
        while not server.started:  # noqa: ASYNC110 - uvicorn says it in a flag
            await asyncio.sleep(0.001)
    yield server
    server.should_exit = True
    await serving


@pytest.fixture
def connect(server):
    port = server.servers[0].sockets[0].getsockname()[1]
    return lambda: asyncio.open_connection("127.0.0.1", port)


@pytest.fixture
def ask(connect):
    """Sends bytes to the server, piece by piece, and reads what it says."""

    async def asked(*pieces: bytes) -> tuple[int, dict[str, str], bytes]:
        reader, writer = await connect()
        with suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
        async with asyncio.timeout(5):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            body = await reader.readexactly(int(headers["content-length"]))
        writer.close()
        return int(head[0].split()[1]), headers, body

    return asked


@pytest.mark.parametrize(
    "sent",
    [b"rubbish\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"\x16\x03\x01\x00\xa5", b"GET /\xff HTTP/9.9\r\n\r\n"],
)
async def test_what_is_no_http_is_refused_as_a_problem(ask, sent):
    status, headers, body = await ask(sent)

    assert status == 400
    assert headers["content-type"] == "application/problem+json"
    assert headers["connection"] == "close"
    assert json.loads(body)["code"] == "malformed"


async def test_a_request_that_comes_in_small_pieces_is_read(ask):
    sent = b"GET /a HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 5000 + b"\r\nConnection: close\r\n\r\n"

    status, _, body = await ask(*(sent[at : at + 100] for at in range(0, len(sent), 100)))

    assert (status, json.loads(body)["path"]) == (200, "/a")


@pytest.mark.parametrize("endless", [b"X: " + b"y" * 20_000, b"X: y\r\n" * 4000, b""])
async def test_a_head_without_an_end_is_refused(ask, endless):
    line = b"GET /a HTTP/1.1\r\n" if endless else b"GET /"
    status, headers, body = await ask(line, *[endless or b"a" * 20_000] * (10 * MOST_HEAD // 20_000))

    assert (status, json.loads(body)["code"]) == (431, "headers-too-large")
    assert headers["content-type"] == "application/problem+json"


async def test_a_large_body_is_no_head(ask):
    body = b"x" * (3 * MOST_HEAD)
    sent = b"POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body)

    assert (await ask(sent, *(body[at : at + 10_000] for at in range(0, len(body), 10_000))))[0] == 200


async def test_a_large_body_in_one_read_with_the_end_of_its_head_is_no_head(server, connect):
    body = b"x" * (3 * MOST_HEAD)
    sent = b"POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    reader, writer = await connect()
    async with asyncio.timeout(5):
        while not server.server_state.connections:  # noqa: ASYNC110 - uvicorn says it in a set
            await asyncio.sleep(0.001)
        (connection,) = server.server_state.connections
        connection.data_received(sent[:20])  # so that it is certain what comes with which read
        connection.data_received(sent[20:])
        answer = await reader.readuntil(b"\r\n")
    writer.close()

    assert answer == b"HTTP/1.1 200 OK\r\n"
