"""Bodies are what they must be, to the letter; whatever is sent, the fault is never ours."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar import get, post
from litestar.params import JSONBody, QueryParameter

from shop.platform.web import MOST_DEPTH, anyone, depth_of

DEEP = b"[" * 100_000


class Item(msgspec.Struct, forbid_unknown_fields=True):
    quantity: int


class Body(msgspec.Struct, forbid_unknown_fields=True):
    """Refuses what it does not know."""

    name: str
    items: list[Item] = []
    wanted: bool = False
    extra: Any = None


class Tolerant(msgspec.Struct):
    """Passes over what it does not know."""

    name: str


async def _strict(data: JSONBody[Body]) -> Body:
    return data


async def _tolerant(data: JSONBody[Tolerant]) -> Tolerant:
    return data


async def _limited(limit: Annotated[int, QueryParameter(ge=1, le=100)] = 50) -> dict[str, int]:
    return {"limit": limit}


@pytest.fixture
def client(client_of):
    return client_of(
        post("/strict", before_request=anyone, status_code=200)(_strict),
        post("/tolerant", before_request=anyone, status_code=200)(_tolerant),
        get("/limited", before_request=anyone)(_limited),
    )


async def test_a_body_that_is_right_is_taken(client):
    answer = await client.post("/strict", json={"name": "a", "items": [{"quantity": 2}], "wanted": True})

    assert answer.json() == {"name": "a", "items": [{"quantity": 2}], "wanted": True, "extra": None}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"name": "a", "items": [{"quantity": 1}, {"quantity": "2"}]}', "items[1].quantity"),
        (b'{"name": "a", "items": [{"quantity": true}]}', "items[0].quantity"),
        (b'{"name": "a", "items": [{"quantity": 2.5}]}', "items[0].quantity"),
        (b'{"name": "a", "items": [{"quantity": null}]}', "items[0].quantity"),
        (b'{"name": 1}', "name"),
        (b'{"name": "a", "wanted": 1}', "wanted"),
        (b'{"name": "a", "wanted": "true"}', "wanted"),
        (b'{"name": "a", "items": {}}', "items"),
    ],
)
async def test_a_value_of_another_type_is_not_made_to_fit(client, body, field):
    answer = await client.post("/strict", content=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "wrong-shape")
    assert [one["field"] for one in answer.json()["errors"]] == [field]
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b'{"name": "a", "nme": 1}', "nme"),
        (b'{"name": "a", "items": [{"quantity": 1, "price": 0}]}', "price"),
        (b"{}", "name"),
    ],
)
async def test_a_field_that_is_unknown_or_missing_is_named(client, body, named):
    answer = await client.post("/strict", content=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "wrong-shape")
    assert f"`{named}`" in answer.json()["detail"]


@pytest.mark.parametrize("body", [b"[]", b"1", b'"a"', b"null"])
async def test_json_that_is_no_object_has_the_wrong_shape(client, body):
    answer = await client.post("/strict", content=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "wrong-shape")


@pytest.mark.parametrize("body", [b"{", b"not json", b'{"name": "a"} x', b'{"name": NaN}', b"\x00", b"a=1"])
async def test_what_is_no_json_is_400(client, body):
    answer = await client.post("/strict", content=body)

    assert (answer.status_code, answer.json()["code"]) == (400, "not-json")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("body", [b'{"name": "\xff\xfe"}', b"\xff", b'{"name": "\\ud800"}'])
@pytest.mark.parametrize("path", ["/strict", "/tolerant"])
async def test_what_is_no_utf_8_is_400(client, path, body):
    answer = await client.post(path, content=body)

    assert (answer.status_code, answer.json()["code"]) == (400, "not-json")


@pytest.mark.parametrize("path", ["/strict", "/tolerant"])
async def test_an_empty_body_is_refused(client, path):
    answer = await client.post(path, content=b"")

    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"]


@pytest.mark.parametrize(
    "body",
    [
        DEEP,
        b'{"name":' + DEEP,
        b'{"name": "a", "extra":' + DEEP,
        b'{"name": "a", "other":' + DEEP,
        b'{"name": "a", "extra":' + b'{"a":' * 100_000,
        b'{"name": "a", "other":' + b'{"a":' * 100_000,
        b'{"name": "a", "other":' + DEEP + b"]" * 100_000 + b"}",
    ],
    ids=["bare", "wrong field", "any", "unknown", "any objects", "unknown objects", "well-formed"],
)
@pytest.mark.parametrize("path", ["/strict", "/tolerant"])
async def test_a_body_as_deep_as_a_well_is_the_sender_s_fault(client, path, body):
    answer = await client.post(path, content=body)

    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "application/xml", "/", "a" * 500])
async def test_a_body_that_says_it_is_something_else_is_refused(client, kind):
    answer = await client.post("/strict", content=b'{"name": "a"}', headers={"Content-Type": kind})

    assert (answer.status_code, answer.json()["code"]) == (415, "not-json-type")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", "application/x.y+json", ""])
async def test_json_may_say_so_in_many_ways_or_not_at_all(client, kind):
    assert (await client.post("/strict", content=b'{"name": "a"}', headers={"Content-Type": kind})).status_code == 200


@pytest.mark.parametrize(
    ("extra", "depth"),
    [
        (b"[" * MOST_DEPTH + b"]" * MOST_DEPTH, MOST_DEPTH + 1),
        (b'{"a": ' * MOST_DEPTH + b"1" + b"}" * MOST_DEPTH, MOST_DEPTH + 1),
        (b"[" * (MOST_DEPTH - 1) + b"]" * (MOST_DEPTH - 1), MOST_DEPTH),
        (b"[" + b"[[[]]]," * 1000 + b"[]]", 5),
        (b'["' + b"[" * 1000 + b'\\"[[[", "\\\\"]', 2),
    ],
)
async def test_a_body_may_be_nested_32_levels_deep(client, extra, depth):
    body = b'{"name": "a", "extra": ' + extra + b"}"

    answer = await client.post("/strict", content=body)

    assert depth_of(body) in {depth, body.count(b"{") + body.count(b"[")}
    assert (answer.status_code, answer.json().get("code")) == (
        (200, None) if depth <= MOST_DEPTH else (422, "too-deep")
    )


@given(value=st.recursive(st.none() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_depth_is_what_a_reader_of_json_would_count(value):
    def deep(one):
        inside = one.values() if isinstance(one, dict) else one if isinstance(one, list) else None
        return 0 if inside is None else 1 + max(map(deep, inside), default=0)

    padded = [value, [[]] * MOST_DEPTH]  # so many brackets that they are counted exactly

    assert depth_of(msgspec.json.encode(padded)) == max(deep(value) + 1, 3)


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "1.5", "", "9" * 400])
async def test_a_parameter_out_of_range_is_named(client, limit):
    answer = await client.get("/limited", params={"limit": limit})

    assert (answer.status_code, answer.json()["code"]) == (422, "wrong-shape")
    assert answer.headers["content-type"] == "application/problem+json"
    assert [one["field"] for one in answer.json()["errors"]] == ["limit"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=60) | st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")))
async def test_no_body_whatever_is_our_fault(client, body):
    for path in ("/strict", "/tolerant"):
        answer = await client.post(path, content=body)

        assert answer.status_code in {400, 422}
