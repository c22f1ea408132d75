from __future__ import annotations

import asyncio

from shop.entrypoints.some_at_once import Queues, each, unseen


async def test_who_wants_the_same_thing_comes_after_who_was_there_first_and_others_do_not_wait() -> None:
    queues, told, gates = Queues(), [], {name: asyncio.Event() for name in "abcd"}

    async def want(what: tuple[str, str]) -> None:
        name, things = what
        async with queues.turn(things):
            told.append(name)
            await gates[name].wait()

    wanted = [("a", "xy"), ("b", "yz"), ("c", "zx"), ("d", "w")]
    doing = asyncio.create_task(each(wanted, want, at_once=4, phase="", progress=unseen))

    for name, so_far in (("d", "ad"), ("a", "adb"), ("b", "adbc"), ("c", "adbc")):
        await _until(lambda name=name: name in told)
        gates[name].set()
        await _until(lambda so_far=so_far: "".join(told) == so_far)
    await doing


async def test_who_fails_or_gives_up_is_not_waited_for() -> None:
    queues = Queues()

    async def fail() -> None:
        async with queues.turn("x"):
            await asyncio.sleep(0)
            raise ValueError

    async def hold() -> None:
        async with queues.turn("x"):
            await asyncio.Event().wait()

    failing, first, second = (asyncio.create_task(one()) for one in (fail, hold, hold))
    await asyncio.gather(failing, return_exceptions=True)
    second.cancel()
    first.cancel()
    async with asyncio.timeout(5), queues.turn("x"):
        pass


async def _until(condition) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - other tasks make it so
            await asyncio.sleep(0)
