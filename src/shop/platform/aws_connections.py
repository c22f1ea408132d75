"""Connections to one endpoint of AWS, kept open; HTTP itself is h11's.

What fails is told in botocore's exceptions, as the SDK tells it.
"""

from __future__ import annotations

import asyncio
import os
import select
import ssl
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

import botocore  # type: ignore[import-untyped]
import h11
from botocore.exceptions import (  # type: ignore[import-untyped]
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

_PORTS = {"http": 80, "https": 443}


class Answered(NamedTuple):
    """Headers' names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connections:
    """As many as are used at once; they are found again if the other side has not hung up."""

    def __init__(self, url: str, *, most: int, connect: float, read: float) -> None:
        """`connect`, `read`: seconds for a connection, and for an answer."""
        address = urlsplit(url)
        self._url = url
        self._host, self._port = address.hostname or "", address.port or _PORTS[address.scheme]
        self._certificates = _certificates() if address.scheme == "https" else None
        self._connect, self._read = connect, read
        self._room = asyncio.Semaphore(most)
        self._idle: list[_Connection] = []

    async def post(self, headers: Mapping[str, str], body: bytes) -> Answered:
        """The answer, whatever its status; `HTTPClientError` where there is none."""
        async with self._room:
            connection = self._found() or await self._opened()
            try:
                async with asyncio.timeout(self._read):
                    answer = await connection.post(headers, body)
            except TimeoutError as error:
                raise ReadTimeoutError(endpoint_url=self._url, error=error) from error
            except (OSError, h11.RemoteProtocolError) as error:
                raise ConnectionClosedError(endpoint_url=self._url, error=error, request=None) from error
            finally:
                if connection.again():
                    self._idle.append(connection)
            return answer

    async def close(self) -> None:
        """Those that are not used."""
        while self._idle:
            self._idle.pop().drop()
        await asyncio.sleep(0)  # in which the loop lets go of them

    def _found(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.quiet():
                return connection
            connection.drop()
        return None

    async def _opened(self) -> _Connection:
        try:
            async with asyncio.timeout(self._connect):
                _, connection = await asyncio.get_running_loop().create_connection(
                    _Connection, self._host, self._port, ssl=self._certificates
                )
        except TimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=self._url, error=error) from error
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=self._url, error=error) from error
        return connection


class _Connection(asyncio.Protocol):
    """What comes while nothing is asked, if only the end, ends it: it would be taken for the next answer."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._http = h11.Connection(h11.CLIENT)
        self._coming: asyncio.Future[None] | None = None  # while something is waited for

    async def post(self, headers: Mapping[str, str], body: bytes) -> Answered:
        told = [*headers.items(), ("content-length", str(len(body)))]
        parts = (h11.Request(method="POST", target="/", headers=told), h11.Data(body), h11.EndOfMessage())
        self._transport.write(b"".join(self._http.send(part) or b"" for part in parts))
        head, content = None, bytearray()
        while not isinstance(event := await self._event(), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                content += event.data
        assert head  # noqa: S101 - for the types: h11 lets no message end that did not begin
        named = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
        return Answered(head.status_code, named, bytes(content))

    async def _event(self) -> Any:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._coming = asyncio.get_running_loop().create_future()
            try:
                await self._coming
            finally:
                self._coming = None
        return event

    def again(self) -> bool:
        """Whether it may be used again: an answer came whole, and nothing behind it. Otherwise it is dropped."""
        rest, _ = self._http.trailing_data
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE and not rest:
            self._http.start_next_cycle()
            return True
        self.drop()
        return False

    def quiet(self) -> bool:
        """Nothing has come since. What did while Lambda let the process stand still, the loop has not seen yet."""
        if self._transport.is_closing():
            return False
        told = select.poll()
        told.register(self._transport.get_extra_info("socket"), select.POLLIN)
        return not told.poll(0)

    def drop(self) -> None:
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._coming is None:
            self.drop()
            return
        self._http.receive_data(data)
        if not self._coming.done():
            self._coming.set_result(None)

    def eof_received(self) -> None:
        self.data_received(b"")

    def connection_lost(self, error: Exception | None) -> None:
        if self._coming is not None and not self._coming.done():
            self._coming.set_exception(error or ConnectionResetError())


@cache
def _certificates() -> ssl.SSLContext:
    told = os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE")  # as the SDK asks
    return ssl.create_default_context(cafile=told or Path(botocore.__file__).with_name("cacert.pem"))
