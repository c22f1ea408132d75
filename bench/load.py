"""The load: requests prepared as bytes over kept connections, a new one as soon as the last is answered.

It has to cost much less than the servers, so it reads of an answer what it needs: status, length, body.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

HOST = "127.0.0.1"
_LENGTH = b"content-length: "


@dataclass(slots=True)
class Run:
    """What came of a load."""

    latencies: list[float] = field(default_factory=list)  # seconds, of every answer
    statuses: Counter[int] = field(default_factory=Counter)
    began: float = 0.0  # perf_counter at the first request
    seconds: float = 0.0  # from the first request to the last answer
    busy: float = 0.0  # the share of a core that the load itself took

    def rate(self, status: int) -> float:
        """Answers with this status per second."""
        return self.statuses[status] / self.seconds

    def others(self, status: int) -> dict[int, int]:
        """How many answers had which other status."""
        return {other: count for other, count in self.statuses.items() if other != status}


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, and how long it took."""

    status: int
    body: bytes
    seconds: float


async def load(port: int, requests: Iterator[bytes], *, seconds: float, connections: int = 8) -> Run:
    """Keep so many requests on their way until the time is up, then wait for the last answers."""
    run = Run()
    loop = asyncio.get_running_loop()
    lines = [(await loop.create_connection(_Connection, HOST, port))[1] for _ in range(connections)]
    busy, run.began = time.process_time(), time.perf_counter()
    until = run.began + seconds

    def answered(connection: _Connection, status: int, _: bytes) -> None:
        now = time.perf_counter()
        run.latencies.append(now - connection.sent)
        run.statuses[status] += 1
        if now < until:
            connection.send(next(requests), now)
        else:
            connection.finish()

    for line in lines:
        line.answered = answered
        line.send(next(requests), time.perf_counter())
    await asyncio.gather(*(line.finished for line in lines))
    run.seconds = time.perf_counter() - run.began
    run.busy = (time.process_time() - busy) / run.seconds
    for line in lines:
        line.close()
    return run


class Caller:
    """One connection, one request at a time."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        connection.answered = self._answered
        self._waiting: asyncio.Future[Answer] | None = None

    @classmethod
    async def to(cls, port: int) -> Caller:
        """A caller of the server on this port."""
        loop = asyncio.get_running_loop()
        return cls((await loop.create_connection(_Connection, HOST, port))[1])

    async def ask(self, request: bytes) -> Answer:
        """Send it and wait for the answer."""
        self._waiting = asyncio.get_running_loop().create_future()
        self._connection.send(request, time.perf_counter())
        return await self._waiting

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _answered(self, connection: _Connection, status: int, body: bytes) -> None:
        if self._waiting is not None:
            self._waiting.set_result(Answer(status, body, time.perf_counter() - connection.sent))


class _Connection(asyncio.Protocol):
    """HTTP/1.1 without pipelining or chunks."""

    def __init__(self) -> None:
        self.answered: Callable[[_Connection, int, bytes], None] = _unexpected
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent = 0.0
        self._rest = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def send(self, request: bytes, now: float) -> None:
        if self._transport is None:
            raise ConnectionError("not connected")
        self.sent = now
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        got = self._rest + data if self._rest else data
        end = got.find(b"\r\n\r\n")
        at = got.find(_LENGTH, 0, end)
        if end < 0 or at < 0:
            if end >= 0:
                self._fail(ConnectionError(f"an answer without a length: {got[:200]!r}"))
            self._rest = got
            return
        begin = end + 4
        if len(got) < begin + int(got[at + len(_LENGTH) : got.find(b"\r", at)]):
            self._rest = got
            return
        self._rest = b""
        self.answered(self, int(got[9:12]), got[begin:])

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or ConnectionError("the server hung up"))

    def finish(self) -> None:
        self.finished.set_result(None)

    def close(self) -> None:
        if not self.finished.done():
            self.finish()
        if self._transport is not None:
            self._transport.close()

    def _fail(self, why: Exception) -> None:
        if not self.finished.done():
            self.finished.set_exception(why)


def _unexpected(_: _Connection, status: int, body: bytes) -> None:
    raise ConnectionError(f"an answer that nobody waits for: {status} {body[:200]!r}")
