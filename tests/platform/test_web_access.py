"""Who may call: nobody without a token of ours, nobody in another role, and never a fault of ours."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from litestar import get, post
from litestar.params import JSONBody

from shop.platform.request import Web, caller_of
from shop.platform.tokens import Tokens
from shop.platform.web import anyone, callers


async def _who(request: Web) -> dict[str, str]:
    caller = caller_of(request)
    return {"subject": caller.subject, "role": caller.role}


async def _open() -> dict[str, str]:
    return {}


async def _take(data: JSONBody[dict[str, Any]]) -> dict[str, Any]:
    return data


@pytest.fixture
def client(client_of):
    return client_of(
        get("/open", before_request=anyone)(_open),
        get("/staff", before_request=callers("staff"))(_who),
        get("/both", before_request=callers("customer", "staff"))(_who),
        post("/take", before_request=callers("staff"))(_take),
    )


@pytest.fixture
def token_of(tokens):
    return lambda role, subject="s1": tokens.sign(subject=subject, role=role, lifetime=timedelta(hours=1))


def _part(value):
    return urlsafe_b64encode(msgspec.json.encode(value)).decode().rstrip("=")


async def test_who_has_a_token_in_the_role_is_known(client, token_of):
    for role in ("customer", "staff"):
        answer = await client.get("/both", headers={"Authorization": f"Bearer {token_of(role, 'c1')}"})
        assert answer.json() == {"subject": "c1", "role": role}


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer "])
async def test_the_scheme_is_known_in_any_case(client, token_of, scheme):
    answer = await client.get("/staff", headers={"Authorization": f"{scheme} {token_of('staff')}"})

    assert answer.status_code == 200


async def test_an_open_route_asks_nobody(client):
    assert (await client.get("/open", headers={"Authorization": "Bearer rubbish"})).status_code == 200


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic dTpw", "Bearer\t", "rubbish"])
async def test_nobody_is_nobody(client, header):
    answer = await client.get("/both", headers={"Authorization": header} if header is not None else {})

    assert (answer.status_code, answer.json()["code"]) == (401, "wrong-token")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_token_under_another_scheme_is_none(client, token_of):
    answer = await client.get("/both", headers={"Authorization": f"Basic {token_of('staff')}"})

    assert answer.status_code == 401


async def test_a_token_that_has_run_out_is_none_even_if_it_was_good_before(client, token_of, clock):
    headers = {"Authorization": f"Bearer {token_of('staff')}"}
    clock.forward(timedelta(minutes=59, seconds=59))
    assert (await client.get("/staff", headers=headers)).status_code == 200

    clock.forward(timedelta(seconds=1))
    answer = await client.get("/staff", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "wrong-token")


async def test_a_token_by_another_key_is_none(client, clock):
    forged = Tokens("x" * 32, clock=clock).sign(subject="s1", role="staff", lifetime=timedelta(hours=1))

    assert (await client.get("/staff", headers={"Authorization": f"Bearer {forged}"})).status_code == 401


async def test_a_token_that_was_changed_is_none(client, token_of):
    head, _, signature = token_of("customer").split(".")
    forged = ".".join([head, _part({"sub": "s1", "role": "staff", "exp": 9e9}), signature])

    assert (await client.get("/staff", headers={"Authorization": f"Bearer {forged}"})).status_code == 401


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS512", "RS256", "", 1, None, [], {}, ["HS256"]])
@pytest.mark.parametrize("signature", ["", "AAAA"])
async def test_a_token_that_says_how_it_wants_to_be_checked_is_none(client, algorithm, signature):
    claims = {"sub": "s1", "role": "staff", "exp": 9_999_999_999}
    forged = f"{_part({'alg': algorithm, 'typ': 'JWT'})}.{_part(claims)}.{signature}"

    answer = await client.get("/staff", headers={"Authorization": f"Bearer {forged}"})

    assert (answer.status_code, answer.json()["code"]) == (401, "wrong-token")


async def test_another_role_may_not(client, token_of):
    answer = await client.get("/staff", headers={"Authorization": f"Bearer {token_of('customer')}"})

    assert (answer.status_code, answer.json()["code"]) == (403, "not-allowed")
    assert "www-authenticate" not in answer.headers


async def test_who_may_not_learns_nothing_of_what_the_body_should_be(client, token_of):
    for headers, status in (({}, 401), ({"Authorization": f"Bearer {token_of('customer')}"}, 403)):
        assert (await client.post("/take", content=b"{", headers=headers)).status_code == status


async def test_no_header_whatever_is_our_fault(client):
    for token in (b"\xff\xfe", b"a.b.c", b".." * 20, b"." * 9, b"a" * 60_000, b"..", b"=.=.=", b"e30.e30.e30"):
        answer = await client.get("/both", headers={"Authorization": b"Bearer " + token})
        assert answer.status_code == 401
