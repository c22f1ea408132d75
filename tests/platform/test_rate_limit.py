"""Who asks too often is told when to come again; nobody pays for another, and memory does not grow."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import get

from shop.kernel.ids import ids
from shop.platform.rate_limit import Quotas, RateLimit
from shop.platform.settings import Rate
from shop.platform.web import anyone, build_app, callers


class Seconds:
    """A monotonic clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds():
    return Seconds()


@pytest.fixture
async def client(tokens, clock, seconds):
    async def who() -> dict[str, str]:
        return {}

    routes = [get("/open", before_request=anyone)(who), get("/closed", before_request=callers("customer"))(who)]
    app = build_app(routes, tokens=tokens, ids=ids(clock))
    limited = RateLimit(app, rate=Rate(3, 60), tokens=tokens, ids=ids(clock), now=seconds)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(limited), base_url="http://shop") as client:
        yield client


@pytest.fixture
def bearer(tokens):
    def header(subject, role="customer"):
        return {"Authorization": f"Bearer {tokens.sign(subject=subject, role=role, lifetime=timedelta(hours=1))}"}

    return header


async def test_one_request_too_many_is_refused_as_a_problem_that_says_when_to_come_again(client, seconds):
    answers = [await client.get("/open", headers={"X-Request-ID": "mine"}) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["ratelimit"] for answer in answers] == [
        *('"default";r=2;t=20', '"default";r=1;t=40', '"default";r=0;t=60', '"default";r=0;t=60')
    ]
    assert answers[3].headers["ratelimit-policy"] == '"default";q=3;w=60'
    assert answers[3].headers["retry-after"] == "20"
    assert answers[3].headers["content-type"] == "application/problem+json"
    assert answers[3].json()["code"] == "too-many-requests"
    assert answers[3].json()["requestId"] == answers[3].headers["x-request-id"] == "mine"

    seconds.now += 20
    assert (await client.get("/open")).status_code == 200
    assert (await client.get("/open")).status_code == 429


async def test_each_caller_has_a_quota_of_its_own(client, bearer):
    everyone = [{}, bearer("ada"), bearer("ben"), bearer("ada", "staff")]
    for headers in everyone * 3:
        assert (await client.get("/open", headers=headers)).status_code == 200
    for headers in everyone:
        assert (await client.get("/open", headers=headers)).status_code == 429


async def test_a_token_that_is_not_ours_is_no_new_caller(client):
    for token in ("a", "b", "c"):
        assert (await client.get("/closed", headers={"Authorization": f"Bearer {token}"})).status_code == 401

    assert (await client.get("/closed", headers={"Authorization": "Bearer d"})).status_code == 429


async def test_health_is_never_counted(client):
    for _ in range(10):
        answer = await client.get("/health/live")
        assert answer.status_code == 200
        assert "ratelimit" not in answer.headers


async def test_what_is_nowhere_is_counted(client):
    assert [(await client.get("/nowhere")).status_code for _ in range(4)] == [404, 404, 404, 429]


@given(
    waits=st.lists(st.floats(0, 30, allow_nan=False), min_size=1, max_size=200),
    rate=st.builds(Rate, st.integers(1, 50), st.sampled_from([1, 60, 3600])),
)
def test_nobody_gets_more_than_the_quota_and_what_has_come_back_since(waits, rate):
    clock = Seconds()
    quotas = Quotas(rate, now=clock)
    admitted = []
    for wait in waits:
        clock.now += wait
        left = quotas.take("c")
        if left.wait:
            assert 0 < left.wait <= rate.seconds + 1e-6  # seconds are floats
        else:
            admitted.append(clock.now)
            assert 0 <= left.requests < rate.requests
    for number, began in enumerate(admitted):
        within = [one for one in admitted[number:] if one - began <= rate.seconds]
        assert len(within) <= 2 * rate.requests


@given(st.integers(1, 100))
def test_who_waits_as_long_as_told_is_let_in(requests):
    clock = Seconds()
    quotas = Quotas(Rate(requests, 60), now=clock)
    outcomes = Counter(quotas.take("c").wait == 0 for _ in range(requests))
    refused = quotas.take("c")

    assert outcomes == {True: requests}
    assert refused.wait > 0
    clock.now += refused.wait
    assert quotas.take("c").wait == 0


def test_memory_is_bounded_and_the_longest_unseen_are_forgotten():
    quotas = Quotas(Rate(1, 60), now=Seconds(), most=3)
    for caller in "abcab":
        quotas.take(caller)
    quotas.take("d")

    assert len(quotas._restored) == 3
    assert quotas.take("d").wait > 0
