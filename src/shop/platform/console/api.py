"""What the console asks: the map, the stream of what happens, and what failed, to be tried again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery
from litestar.response import Stream as Streamed

from shop.kernel.clock import Clock
from shop.kernel.errors import NotFound
from shop.kernel.events import Envelope
from shop.platform.answers import answers
from shop.platform.bus import Backlog
from shop.platform.console.chart import Chart
from shop.platform.console.stream import Stream
from shop.platform.dead_letters import DeadLetter, Id
from shop.platform.http.breaker import Breaker
from shop.platform.http.client import Client
from shop.platform.request import Web, header_of
from shop.platform.storage.sqlite_dead_letters import Postponed, SqliteDeadLetters
from shop.platform.tokens import Tokens, WrongToken
from shop.platform.web import callers, reply

_TICK = 1.0  # seconds between figures
_TOGETHER = 0.05  # seconds: what happens within them is told at once
_SHOWN = 50
_EVENTS = "text/event-stream"
_staff = callers("staff")


class NotWaiting(NotFound):
    """A delivery that is not dead, or does not wait: it may have been made meanwhile."""

    code = "not-waiting"


class Figures(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How the shop does at this moment; `reads`: products that orders asked for, by the layer that answered."""

    at: datetime
    reads: Mapping[str, int]
    circuits: Mapping[str, str]
    opened: Mapping[str, int]
    waiting: int
    dead: int
    due: datetime | None


class Letter(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A delivery that failed: dead, or `due` again."""

    id: Id
    consumer: str
    attempts: int
    reason: str
    event: msgspec.Raw
    since: datetime | None = None
    due: datetime | None = None


class Letters(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The oldest dead letters, of so many, and the deliveries that are tried again next."""

    dead: list[Letter]
    dead_in_all: int
    postponed: list[Letter]


@dataclass
class _Counted:
    at: float = float("-inf")
    backlog: Backlog = field(default_factory=lambda: Backlog(0, 0, None))


@dataclass(frozen=True, kw_only=True)
class ConsoleApi:
    """For staff, who look on and repeat what failed."""

    chart: Chart
    stream: Stream
    letters: SqliteDeadLetters
    backlog: Callable[[], Awaitable[Backlog]]
    reads: Client
    breakers: Mapping[str, Breaker]
    clock: Clock
    _counted: _Counted = field(default_factory=_Counted)

    def routes(self) -> list[HTTPRouteHandler]:
        """Path, who may call, what happens."""
        one = answers(NotWaiting)
        return [
            get("/console/map", before_request=_staff, opt=answers())(self.map),
            get("/console/stream", before_request=_staff, opt=answers())(self.follow),
            get("/console/letters", before_request=_staff, opt=answers())(self.failed),
            post("/console/letters/{number:int}/replay", before_request=_staff, opt=one, status_code=204)(self.replay),
            post("/console/letters/{number:int}/hasten", before_request=_staff, opt=one, status_code=204)(self.hasten),
        ]

    async def map(self) -> Response[Chart]:
        """Contexts, and the events between them."""
        return reply(self.chart)

    async def follow(self, request: Web, after: FromQuery[int] = 0) -> Response[Any]:
        """Server-sent events while the token is good: `moments`, as they happen, and `figures`, every second."""
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        if request.scope["method"] == "HEAD":
            return Response(b"", media_type=_EVENTS, headers=headers)
        return Streamed(self._told(after, still=_still(request)), media_type=_EVENTS, headers=headers)

    async def failed(self) -> Response[Letters]:
        """What could not be delivered."""
        dead = [_letter(one, since=one.since) for one in await self.letters.first(_SHOWN)]
        postponed = [_letter(one, due=one.due) for one in await self.letters.postponed(most=_SHOWN)]
        return reply(Letters(dead=dead, dead_in_all=(await self.backlog()).dead, postponed=postponed))

    async def replay(self, number: FromPath[int]) -> Response[None]:
        """Deliver a dead letter after all, as if it had never been tried."""
        letter = await self.letters.one(number)
        if letter is None or not await self.letters.revive([number]):
            raise NotWaiting("there is no such dead letter: it may have been delivered meanwhile")
        self.stream.replayed(msgspec.json.decode(letter.event, type=Envelope), consumer=letter.consumer)
        return reply(None, status=204)

    async def hasten(self, number: FromPath[int]) -> Response[None]:
        """Try a delivery at once that waits to be tried again."""
        if not await self.letters.hasten(number):
            raise NotWaiting("no such delivery waits to be tried again: it may have been made meanwhile")
        return reply(None, status=204)

    async def _told(self, after: int, *, still: Callable[[], bool]) -> AsyncIterator[bytes]:
        yield b"retry: 1000\n\n"
        told_at = float("-inf")
        loop = asyncio.get_running_loop()
        while not self.stream.ended and still():
            if moments := self.stream.since(after):
                after = moments[-1].n
                yield _sent("moments", moments)
            if loop.time() - told_at >= _TICK:
                told_at = loop.time()
                yield _sent("figures", await self._figures())
            await self.stream.news(after=after, within=_TICK)
            await asyncio.sleep(_TOGETHER)

    async def _figures(self) -> Figures:
        now = asyncio.get_running_loop().time()
        if now - self._counted.at >= _TICK / 2:  # once, however many look on
            self._counted.at, self._counted.backlog = now, await self.backlog()
        backlog = self._counted.backlog
        return Figures(
            at=self.clock(),
            reads=self.reads.answered_by,
            circuits={to: breaker.state.value for to, breaker in self.breakers.items()},
            opened={to: breaker.opened for to, breaker in self.breakers.items()},
            waiting=backlog.waiting,
            dead=backlog.dead,
            due=backlog.due,
        )


def _sent(kind: str, what: object) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), msgspec.json.encode(what))


def _letter(one: DeadLetter | Postponed, *, since: datetime | None = None, due: datetime | None = None) -> Letter:
    return Letter(
        id=one.id,
        consumer=one.consumer,
        attempts=one.attempts,
        reason=one.reason,
        event=msgspec.Raw(one.event),
        since=since,
        due=due,
    )


def _still(request: Web) -> Callable[[], bool]:
    """Whether the token it was asked with is good yet."""
    tokens: Tokens = request.app.state.tokens
    _, _, token = (header_of(request, b"authorization") or "").partition(" ")

    def good() -> bool:
        try:
            return bool(tokens.verify(token.strip()))
        except WrongToken:
            return False

    return good
