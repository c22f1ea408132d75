"""Tries, their time, and who is not tried any more."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import httpx
import pytest

from shop.platform.http.breaker import Breaker, CircuitOpen, State
from shop.platform.http.transports import Breaking, InTime, Retrying, resilient

OK = httpx.Response(200, content=b"ok")


@dataclass
class Script(httpx.AsyncBaseTransport):
    """Answers one by one; the last one again and again. What is an exception is raised."""

    answers: list
    asked: int = 0

    async def handle_async_request(self, _):
        self.asked += 1
        answer = self.answers[min(self.asked, len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class Waits:
    """Waits as long as it is told to, without the time."""

    told: list[float] = field(default_factory=list)

    async def __call__(self, seconds):
        self.told.append(seconds)


@pytest.fixture
def waits():
    return Waits()


@pytest.fixture
def breaker(seconds):
    return Breaker(now=seconds)


@pytest.fixture
def send(breaker, waits):
    """Sends a request through four tries and a breaker to this script."""

    async def act(script):
        stack = Retrying(Breaking(InTime(script, 5), breaker), 4, lambda: 0.5, waits)
        response = await stack.handle_async_request(httpx.Request("GET", "http://origin/"))
        return response.status_code

    return act


@pytest.mark.parametrize("failure", [httpx.ConnectError("refused"), httpx.ReadError("cut"), httpx.Response(503)])
async def test_what_fails_is_tried_four_times_with_longer_and_longer_pauses(send, waits, failure):
    script = Script([failure, failure, failure, OK])

    assert await send(script) == 200
    assert script.asked == 4
    assert waits.told == [0.05, 0.1, 0.2]


@pytest.mark.parametrize("status", [200, 304, 404, 422, 429])
async def test_what_is_answered_is_not_asked_again(send, status):
    script = Script([httpx.Response(status)])

    assert await send(script) == status
    assert script.asked == 1


async def test_the_last_failure_is_the_answer(send):
    assert await send(Script([httpx.Response(500)])) == 500


async def test_a_short_retry_after_is_waited_for(send, waits):
    script = Script([httpx.Response(503, headers={"Retry-After": "1"}), OK])

    assert await send(script) == 200
    assert waits.told == [1.0]


async def test_a_long_retry_after_is_for_the_caller(send, waits):
    script = Script([httpx.Response(503, headers={"Retry-After": "30"}), OK])

    assert await send(script) == 503
    assert (script.asked, waits.told) == (1, [])


async def test_each_try_asks_the_breaker_and_is_counted(send, breaker):
    down = Script([httpx.ConnectError("refused")])
    with pytest.raises(httpx.ConnectError):
        await send(down)
    with pytest.raises(CircuitOpen):
        await send(down)

    assert (breaker.state, down.asked) == (State.OPEN, 5)
    with pytest.raises(CircuitOpen):
        await send(down)
    assert down.asked == 5


async def test_after_a_minute_one_try_is_made_and_heals_it(send, breaker, seconds):
    down = Script([httpx.Response(500)] * 5 + [OK])
    await send(down)
    with pytest.raises(CircuitOpen):
        await send(down)
    seconds.now += 60

    assert await send(down) == 200
    assert breaker.state is State.CLOSED


async def test_a_try_ends_in_time_and_counts_as_a_failure(breaker):
    class Silent(httpx.AsyncBaseTransport):
        async def handle_async_request(self, _):
            await asyncio.Event().wait()

    stack = resilient(Silent(), breaker=breaker, seconds=0.01, chance=lambda: 0.0)

    with pytest.raises(httpx.ReadTimeout):
        await stack.handle_async_request(httpx.Request("GET", "http://origin/"))
    with pytest.raises(CircuitOpen):
        await stack.handle_async_request(httpx.Request("GET", "http://origin/"))
    assert breaker.state is State.OPEN


async def test_a_body_that_does_not_end_is_no_answer():
    async def trickling():
        yield b"a"
        await asyncio.Event().wait()

    script = Script([httpx.Response(200, content=trickling())])

    with pytest.raises(httpx.ReadTimeout):
        await InTime(script, 0.01).handle_async_request(httpx.Request("GET", "http://origin/"))


async def test_who_goes_away_during_a_trial_makes_room_for_another(breaker, seconds):
    gate = asyncio.Event()

    class Gated(httpx.AsyncBaseTransport):
        async def handle_async_request(self, _):
            await gate.wait()
            return OK

    for _ in range(5):
        breaker.failed(breaker.admit())
    seconds.now += 60
    request = httpx.Request("GET", "http://origin/")
    trial = asyncio.create_task(Breaking(Gated(), breaker).handle_async_request(request))
    await asyncio.sleep(0)
    trial.cancel()
    await asyncio.gather(trial, return_exceptions=True)
    gate.set()

    await Breaking(Gated(), breaker).handle_async_request(request)
    assert breaker.state is State.CLOSED


async def test_closing_closes_what_is_inside():
    class Closing(httpx.AsyncBaseTransport):
        closed = False

        async def aclose(self):
            self.closed = True

    inner = Closing()
    await resilient(inner, breaker=Breaker(now=lambda: 0.0), seconds=1, chance=lambda: 0.0).aclose()

    assert inner.closed
