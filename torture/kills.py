"""When to kill, or to ask to end: a plan made from a seed, and who carries it out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random

from torture.client import Progress, Wrong
from torture.server import Server

AT_ANY_MOMENT = "at any moment"
AT_AN_ANSWER = "in the moment of an answer"
WHILE_IT_STOPS = "while it stops"
WHILE_IT_STARTS = "while it starts"
WHEN_IT_IS_BACK = "as soon as it answers again"
NOT_AT_ALL = "not at all: asked to end, it ends"
SHARES = {
    AT_ANY_MOMENT: 27, AT_AN_ANSWER: 28, WHILE_IT_STOPS: 5, WHILE_IT_STARTS: 20, WHEN_IT_IS_BACK: 15, NOT_AT_ALL: 5
}  # fmt: skip
_AFTER_A_KILL = (WHILE_IT_STARTS, WHEN_IT_IS_BACK)
_USUAL_START = 0.6  # seconds; where it takes longer, kills come in its first part


@dataclass(frozen=True, slots=True)
class Kill:
    """When so many orders are placed, and then so many seconds (or answers) later."""

    when: str
    orders: int
    later: float


def planned(*, seed: int, kills: int, orders: int, shares: Mapping[str, int] = SHARES) -> list[Kill]:
    """So many, spread over all the orders, each kind at least once; those of a start come right after another one."""
    random = Random(f"{seed}/kills")
    moments = sorted(random.randrange(max(orders * 19 // 20, 1)) for _ in range(kills))
    kinds = [*shares, *random.choices(list(shares), weights=list(shares.values()), k=kills)][:kills]
    return [Kill(when, moment, _later(when, random)) for when, moment in zip(kinds, moments, strict=True)]


async def carry_out(plan: Iterable[Kill], server: Server, progress: Progress) -> None:
    """Kill the server as planned, and start it each time; in the end it is up."""
    for kill in plan:
        if kill.when not in _AFTER_A_KILL:
            await _up(server)
            await progress.until(lambda orders=kill.orders: progress.orders >= orders)  # type: ignore[misc]
        await _kill(kill, server, progress)
    await _up(server)


async def _kill(kill: Kill, server: Server, progress: Progress) -> None:
    if kill.when == AT_AN_ANSWER:
        await _kill_at_an_answer(int(kill.later), server, progress)
        return
    if kill.when == NOT_AT_ALL:
        await _ask_to_end(server)
        return
    if kill.when == WHILE_IT_STARTS:
        server.spawn()
    elif kill.when == WHEN_IT_IS_BACK:
        await _up(server)
    elif kill.when == WHILE_IT_STOPS:
        server.ask_to_stop()
    await asyncio.sleep(kill.later)
    server.kill()


async def _ask_to_end(server: Server) -> None:
    code = await asyncio.to_thread(server.stop)
    if code != 0:
        raise Wrong(f"asked to end, the server ended with {code}: {server.log()}")


async def _kill_at_an_answer(count: int, server: Server, progress: Progress) -> None:
    """Before whoever is answered can do anything else."""
    last = progress.answers + count

    def look() -> None:
        if progress.answers == last:
            server.kill()
            progress.tell()

    progress.at_answer = look
    await progress.until(lambda: not server.up.is_set())
    progress.at_answer = lambda: None
    if server.up.is_set():  # everybody has finished before
        server.kill()


async def _up(server: Server) -> None:
    if not server.up.is_set():
        await server.start()


def _later(when: str, random: Random) -> float:
    if when == AT_AN_ANSWER:
        return random.randint(1, 40)
    return random.uniform(0, {AT_ANY_MOMENT: 0.1, WHILE_IT_STARTS: _USUAL_START}.get(when, 0.03))
