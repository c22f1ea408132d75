"""Connections to AWS on good days and bad ones, against a server that does as it is told."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from shop.platform.aws_connections import Connections

HEADERS = {"host": "aws", "x-amz-target": "Parcels.Send"}
ANSWER = b"HTTP/1.1 200 OK\r\nX-Kind: parcel\r\nContent-Length: 4\r\n\r\nsent"
Deed = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """Answers each request by the next deed, the last one again and again; counts connections."""

    deeds: list[Deed]
    port: int = 0
    connections: int = 0
    bodies: list[bytes] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        while head := await _head(reader):
            length = next(int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
            self.bodies.append(await reader.readexactly(length))
            await (self.deeds.pop(0) if len(self.deeds) > 1 else self.deeds[0])(writer)


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, OSError):
        return b""


def says(*parts: bytes, then_hangs_up: bool = False) -> Deed:
    async def deed(writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
        if then_hangs_up:
            writer.close()

    return deed


async def resets(writer: asyncio.StreamWriter) -> None:
    """Without a word: the other side sees an error, not an end."""
    at_once = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
    writer.transport.abort()


@pytest.fixture
async def serving() -> AsyncIterator[Callable[..., Awaitable[Server]]]:
    begun: list[asyncio.Server] = []
    servers: list[Server] = []

    async def begin(*deeds: Deed) -> Server:
        server = Server(list(deeds))
        servers.append(server)
        begun.append(await asyncio.start_server(server.met, "127.0.0.1", 0))
        server.port = begun[-1].sockets[0].getsockname()[1]
        return server

    yield begin
    for one in begun:
        one.close()
    for writer in (writer for server in servers for writer in server.writers):
        writer.transport.abort()
    await asyncio.sleep(0)


@pytest.fixture
async def connected() -> AsyncIterator[Callable[..., Connections]]:
    made: list[Connections] = []

    def to(url: str, *, most: int = 64, connect: float = 5, read: float = 5) -> Connections:
        made.append(Connections(url, most=most, connect=connect, read=read))
        return made[-1]

    yield to
    for one in made:
        await one.close()


async def test_an_answer_in_pieces_comes_whole_and_its_connection_serves_the_next(serving, connected):
    server = await serving(says(ANSWER[:20], ANSWER[20:-2], ANSWER[-2:]))
    connections = connected(server.url)

    answers = [await connections.post(HEADERS, body) for body in (b"one", b"two")]

    assert [(one.status, one.headers["x-kind"], one.body) for one in answers] == [(200, "parcel", b"sent")] * 2
    assert server.bodies == [b"one", b"two"]
    assert server.connections == 1


@pytest.mark.parametrize("how", ["it says so", "it just does"])
async def test_a_connection_that_the_other_side_hangs_up_is_not_used_again(serving, connected, how):
    says_so = ANSWER.replace(b"X-Kind: parcel", b"Connection: close")
    server = await serving(says(says_so if how == "it says so" else ANSWER, then_hangs_up=True), says(ANSWER))
    connections = connected(server.url)

    await connections.post(HEADERS, b"one")
    again = await connections.post(HEADERS, b"two")

    assert again.body == b"sent"
    assert server.connections == 2


async def test_what_was_hung_up_while_the_process_stood_still_is_seen_before_it_is_used(serving, connected):
    """The loop has had no turn since: only the socket knows."""
    server = await serving(says(ANSWER))
    connections = connected(server.url)
    await connections.post(HEADERS, b"one")
    [writer] = server.writers

    writer.transport.get_extra_info("socket")._sock.shutdown(2)
    again = await connections.post(HEADERS, b"two")

    assert again.body == b"sent"
    assert server.connections == 2


@pytest.mark.parametrize("part", [0, 20, len(ANSWER) - 2], ids=["nothing", "half a head", "half a body"])
async def test_an_answer_that_is_broken_off_is_said_to_be_so(serving, connected, part):
    server = await serving(says(ANSWER[:part], then_hangs_up=True), says(ANSWER))
    connections = connected(server.url)

    with pytest.raises(ConnectionClosedError):
        await connections.post(HEADERS, b"one")

    assert (await connections.post(HEADERS, b"two")).body == b"sent"


async def test_a_connection_that_is_reset_is_not_waited_for(serving, connected):
    server = await serving(resets, says(ANSWER))
    connections = connected(server.url)

    with pytest.raises(ConnectionClosedError) as broken:
        await connections.post(HEADERS, b"one")

    assert isinstance(broken.value.__cause__, ConnectionResetError)
    assert (await connections.post(HEADERS, b"two")).body == b"sent"


async def test_what_is_no_http_is_broken_off(serving, connected):
    server = await serving(says(b"rubbish\r\n\r\n"))

    with pytest.raises(ConnectionClosedError):
        await connected(server.url).post(HEADERS, b"one")


async def test_an_answer_is_waited_for_so_long_and_is_not_taken_for_the_next_one(serving, connected):
    server = await serving(says(), says(ANSWER.replace(b"sent", b"next")))
    connections = connected(server.url, read=0.05)

    with pytest.raises(ReadTimeoutError):
        await connections.post(HEADERS, b"one")
    server.writers[0].write(ANSWER)

    assert (await connections.post(HEADERS, b"two")).body == b"next"
    assert server.connections == 2


async def test_what_comes_behind_an_answer_is_not_taken_for_the_next_one(serving, connected):
    server = await serving(says(ANSWER + ANSWER.replace(b"sent", b"more")), says(ANSWER.replace(b"sent", b"next")))
    connections = connected(server.url)

    answers = [(await connections.post(HEADERS, body)).body for body in (b"one", b"two")]

    assert answers == [b"sent", b"next"]


async def test_what_is_said_to_nobody_is_not_taken_for_the_next_answer(serving, connected, until):
    """As «408 Request Timeout» is, before a server hangs up."""
    server = await serving(says(ANSWER))
    connections = connected(server.url)
    await connections.post(HEADERS, b"one")

    server.writers[0].write(ANSWER.replace(b"sent", b"late"))
    await until(connections._idle[0]._transport.is_closing)

    assert (await connections.post(HEADERS, b"two")).body == b"sent"
    assert server.connections == 2


async def test_who_is_cut_off_leaves_no_answer_for_others(serving, connected):
    server = await serving(says(), says(ANSWER))
    connections = connected(server.url)
    asking = asyncio.create_task(connections.post(HEADERS, b"one"))
    while not server.bodies:  # noqa: ASYNC110 - the server is in this loop
        await asyncio.sleep(0.001)

    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)

    assert (await connections.post(HEADERS, b"two")).body == b"sent"
    assert server.connections == 2


async def test_no_more_are_open_at_once_than_may_be(serving, connected):
    server = await serving(says(ANSWER))
    connections = connected(server.url, most=3)

    answers = await asyncio.gather(*(connections.post(HEADERS, b"x") for _ in range(20)))

    assert len(answers) == 20
    assert server.connections == 3


async def test_an_address_where_nobody_listens_is_not_reached(serving, connected):
    server = await serving(says(ANSWER))
    unheard = connected(f"https://127.0.0.1:{server.port}", connect=0.05)  # it waits for a word of TLS

    with pytest.raises(EndpointConnectionError):
        await connected("http://127.0.0.1:9").post(HEADERS, b"one")
    with pytest.raises(ConnectTimeoutError):
        await unheard.post(HEADERS, b"one")
