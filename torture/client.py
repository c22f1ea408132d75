"""A client that asks until it is answered, and what has been answered so far."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Any

import msgspec

from shop.kernel.clock import system_clock
from shop.platform import signatures
from shop.platform.settings import read_settings
from shop.platform.tokens import Tokens
from torture.server import HOST, Server
from torture.wire import Answer, Line

_LIFETIME = timedelta(hours=12)  # of tokens
_DONE = (200, 201)


class Wrong(Exception):
    """The shop did what it must not do."""


@dataclass
class Progress:
    """What has been answered; who waits for so much of it, or wants to act in the very moment, is told."""

    orders: int = 0
    answers: int = 0
    tried_again: int = 0
    copies: int = 0
    over: bool = False
    at_answer: Callable[[], None] = lambda: None
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    def answered(self) -> None:
        """An answer is there."""
        self.answers += 1
        self.at_answer()

    def placed(self) -> None:
        """An order is placed."""
        self.orders += 1
        self.tell()

    def end(self) -> None:
        """Nothing more will move."""
        self.over = True
        self.tell()

    def tell(self) -> None:
        """Wake who waits."""
        self._moved.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for it, at most until all is over."""
        while not condition() and not self.over:
            self._moved.clear()
            await self._moved.wait()


@dataclass(frozen=True)
class Keys:
    """The shop's own: it signs tokens and payment notices with them."""

    token: Callable[[str, str], str]  # role, subject
    sign: Callable[[bytes], str]


def keys_of(server: Server) -> Keys:
    """Made before the server is first started, which then finds them."""
    settings = read_settings({"SHOP_DATA": str(server.data)})
    tokens, secret = Tokens(settings.jwt_key, clock=system_clock), settings.payment_secrets[0]
    return Keys(
        token=lru_cache(maxsize=None)(
            lambda role, subject: tokens.sign(subject=subject, role=role, lifetime=_LIFETIME),
        ),
        sign=lambda body: signatures.sign(secret=secret, at=system_clock(), body=body),
    )


@dataclass
class Client:
    """As many connections as it sends copies of a request at once."""

    server: Server
    keys: Keys
    progress: Progress
    most_copies: int = 2

    def __post_init__(self) -> None:
        self.lines = [Line(HOST, self.server.port) for _ in range(self.most_copies)]

    async def ask(
        self,
        method: str,
        path: str,
        *,
        who: tuple[str, str],
        body: object = None,
        key: str = "",
        copies: int = 1,
        fine: tuple[int, ...] = _DONE,
    ) -> Answer:
        """As (role, subject). `Wrong` unless it is answered as expected, all copies to the byte the same."""
        headers = {"Authorization": f"Bearer {self.keys.token(*who)}"} | ({"Idempotency-Key": key} if key else {})
        content = msgspec.json.encode(body) if body is not None else b""
        send = (self._until_answered(line, method, path, headers, content) for line in self.lines[:copies])
        answers = await asyncio.gather(*send)
        self.progress.copies += copies - 1
        if answers[0].status not in fine or len({(answer.status, answer.body) for answer in answers}) > 1:
            raise Wrong(f"{method} {path} {content!r} ({key}): {[(one.status, one.body[:300]) for one in answers]}")
        return answers[0]

    async def tell_of_payment(self, notice: dict[str, Any]) -> None:
        """As the payment provider, which tells again until it is heard."""
        content = msgspec.json.encode(notice)
        headers = {"Payment-Signature": self.keys.sign(content), "Content-Type": "application/json"}
        answer = await self._until_answered(self.lines[0], "POST", "/payments/webhook", headers, content)
        if answer.status not in _DONE:
            raise Wrong(f"payment notice {content!r}: {answer.status} {answer.body[:300]!r}")

    def close(self) -> None:
        """Hang up."""
        for line in self.lines:
            line.close()

    async def _until_answered(
        self, line: Line, method: str, path: str, headers: dict[str, str], content: bytes
    ) -> Answer:
        told = headers | ({"Content-Type": "application/json"} if content else {})
        while True:
            await self.server.up.wait()
            try:
                answer = await line.ask(method, path, told, content)
            except (OSError, EOFError) as error:
                self.progress.tried_again += 1
                if self.server.ended_by_itself():
                    raise Wrong(f"the server has ended by itself: {self.server.log()}") from error
                await asyncio.sleep(0.002)
                continue
            self.progress.answered()
            if "retry-after" not in answer.headers:
                return answer
            self.progress.tried_again += 1
            await asyncio.sleep(float(answer.headers["retry-after"]))
