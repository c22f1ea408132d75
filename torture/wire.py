"""HTTP/1.1 over one kept connection, one request at a time: as little as lets a broken one be seen for what it is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Line:
    """A connection that is made when it is needed, and anew after it broke."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
        """The answer; `OSError` or `EOFError` where the connection breaks before all of it is there."""
        told = {"Host": self._to[0], "Content-Length": str(len(body)), **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        reader, writer = self._streams = self._streams or await asyncio.open_connection(*self._to)
        whole = False
        try:
            writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
            answer = await _answer(reader)
            whole = True
        finally:
            if not whole:
                self.close()
        return answer

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _answer(reader: asyncio.StreamReader) -> Answer:
    status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    told = (line.partition(":")[::2] for line in lines if line)
    headers = {name.lower(): value.strip() for name, value in told}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Answer(int(status.split()[1]), headers, body)
