"""Every refusal is problem+json, every request has an id, and nothing of the inside shows."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery
from structlog.testing import capture_logs

from shop.kernel import errors
from shop.platform import request
from shop.platform.problems import KeyMissing
from shop.platform.request import Web, cause_of
from shop.platform.retry import Busy
from shop.platform.storage.port import ForeignCursor, TooMuch, Unavailable
from shop.platform.web import MOST_BODY, MOST_URI, anyone, next_link, reply, take_key

KINDS = [
    (errors.Invalid, 422, "Unprocessable Entity"),
    (errors.Unauthenticated, 401, "Unauthorized"),
    (errors.Forbidden, 403, "Forbidden"),
    (errors.NotFound, 404, "Not Found"),
    (errors.Clash, 409, "Conflict"),
    (errors.Stale, 412, "Precondition Failed"),
    (errors.VersionMissing, 428, "Precondition Required"),
    (errors.TryLater, 503, "Service Unavailable"),
]


async def _echo(request: Web) -> Response[dict[str, str | None]]:
    cause = cause_of(request)
    return reply({"id": cause.id, "trace": cause.traceparent})


async def _take(request: Web) -> dict[str, str]:
    return {"key": take_key(request)}


async def _swallow(request: Web) -> dict[str, int]:
    return {"bytes": len(await request.body())}


@pytest.fixture
def raising(client_of):
    """A client of an app whose one route raises this."""

    def over(error):
        async def fail() -> None:
            raise error

        return client_of(get("/", before_request=anyone)(fail))

    return over


@pytest.fixture
def client(client_of):
    return client_of(
        get("/echo", before_request=anyone)(_echo),
        post("/key", before_request=anyone)(_take),
        post("/swallow", before_request=anyone)(_swallow),
    )


@pytest.mark.parametrize(("kind", "status", "title"), KINDS, ids=lambda one: getattr(one, "__name__", None))
async def test_each_kind_of_refusal_has_its_status_and_is_a_problem(raising, kind, status, title):
    class Named(kind):
        code = "named"

    answer = await raising(Named("it is so", errors=[{"field": "a", "message": "b"}], extra={"more": 1})).get(
        "/", headers={"X-Request-Id": "mine"}
    )

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    problem = answer.json()
    assert problem.pop("title") in {title, "Content Too Large", "Unprocessable Content"}
    assert problem == {
        "type": "urn:shop:problem:named",
        "status": status,
        "detail": "it is so",
        "code": "named",
        "requestId": "mine",
        "errors": [{"field": "a", "message": "b"}],
        "more": 1,
    }


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ForeignCursor("another question"), 422, "foreign-cursor"),
        (TooMuch("2001 records in one commit; 2000 at most"), 413, "too-large"),
        (Unavailable("disk full at /secret/path"), 503, "unavailable"),
        (Busy("others change this"), 409, "busy"),
        (KeyError("secret"), 500, "internal-error"),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, Exception) else None,
)
async def test_what_the_machinery_raises_is_a_problem_too(raising, error, status, code):
    answer = await raising(error).get("/")

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text


async def test_a_fault_of_ours_is_logged_under_the_request_id_and_tells_nothing(raising, monkeypatch):
    monkeypatch.setattr(request, "log", structlog.get_logger())  # one that no server in this process has cached
    with capture_logs() as logs:
        answer = await raising(RuntimeError("password=hunter2")).get("/", headers={"X-Request-Id": "find-me"})

    assert answer.status_code == 500
    assert "hunter2" not in answer.text + str(answer.headers)
    assert "RuntimeError" not in answer.text
    assert answer.json()["requestId"] == "find-me"
    [line] = [line for line in logs if line["event"] == "request.failed"]
    assert line["request_id"] == "find-me"


@pytest.mark.parametrize(("after", "told"), [(5, "5"), (0.2, "1"), (2.6, "3")])
async def test_who_is_to_come_later_is_told_when(raising, after, told):
    answer = await raising(errors.TryLater("later", retry_after=after)).get("/")

    assert answer.headers["retry-after"] == told


async def test_an_unavailable_store_says_when_to_come_again(raising):
    answer = await raising(Unavailable("locked", retry_after=7)).get("/")

    assert answer.headers["retry-after"] == "7"


async def test_nobody_is_told_to_come_later_for_nothing(raising):
    assert "retry-after" not in (await raising(errors.Clash("no")).get("/")).headers


async def test_who_is_not_known_is_told_how_to_be(raising):
    assert (await raising(errors.Unauthenticated("who?")).get("/")).headers["www-authenticate"] == "Bearer"
    assert "www-authenticate" not in (await raising(errors.Forbidden("no")).get("/")).headers


@pytest.mark.parametrize("given_id", ["a", "A-Z.09_~", "x" * 64])
async def test_a_well_formed_request_id_is_taken_over(client, given_id):
    answer = await client.get("/echo", headers={"X-Request-Id": given_id})

    assert answer.headers["x-request-id"] == answer.json()["id"] == given_id


@pytest.mark.parametrize("given_id", ["", " ", "x" * 65, "a b", "a\tb", 'a"', "<script>", b"\xff", "a\n", "a,b"])
async def test_a_malformed_request_id_is_replaced(client, given_id):
    answer = await client.get("/echo", headers={"X-Request-Id": given_id})

    assert answer.headers["x-request-id"] == answer.json()["id"]
    assert answer.json()["id"].startswith("req_")
    assert len(answer.json()["id"]) > 20


async def test_two_requests_have_two_ids(client):
    assert (await client.get("/echo")).headers["x-request-id"] != (await client.get("/echo")).headers["x-request-id"]


async def test_the_id_is_in_an_answer_that_no_route_gave(client):
    answer = await client.get("/nowhere", headers={"X-Request-Id": "lost"})

    assert answer.headers["x-request-id"] == answer.json()["requestId"] == "lost"


@pytest.mark.parametrize(
    ("trace", "taken"),
    [("00-" + "a" * 32 + "-" + "b" * 16 + "-01", True), ("00-zz-01", False), ("x" * 1000, False)],
)
async def test_a_trace_is_carried_on_only_if_it_is_one(client, trace, taken):
    answer = await client.get("/echo", headers={"traceparent": trace})

    assert answer.json()["trace"] == (trace if taken else None)


async def test_an_unknown_path_is_a_problem(client):
    answer = await client.get("/nowhere")

    assert (answer.status_code, answer.json()["code"]) == (404, "no-such-route")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_another_method_is_a_problem_that_names_the_right_ones(client):
    answer = await client.delete("/echo")

    assert (answer.status_code, answer.json()["code"]) == (405, "method-not-allowed")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "GET" in answer.headers["allow"]


async def test_a_path_and_query_of_eight_kilobytes_are_taken_and_one_byte_more_is_not(client):
    just = "x" * (MOST_URI - len("/echo") - len("a="))

    assert (await client.get("/echo", params={"a": just})).status_code == 200
    answer = await client.get("/echo", params={"a": just + "x"})

    assert (answer.status_code, answer.json()["code"]) == (414, "uri-too-long")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_options_name_every_method_of_a_path(client_of):
    async def one(name: FromPath[str]) -> dict[str, str]:
        return {"name": name}

    client = client_of(
        get("/pages/{name:str}", before_request=anyone)(one),
        post("/pages/{name:str}", before_request=anyone)(one),
    )
    answer = await client.options("/pages/a")

    assert answer.status_code == 204
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"


async def test_a_body_of_a_megabyte_is_taken_and_one_byte_more_is_not(client):
    assert (await client.post("/swallow", content=b"x" * MOST_BODY)).json() == {"bytes": MOST_BODY}

    answer = await client.post("/swallow", content=b"x" * (MOST_BODY + 1))

    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_body_that_does_not_say_its_length_may_be_no_larger(client):
    async def pieces():
        for _ in range(20):
            yield b"x" * 100_000

    answer = await client.post("/swallow", content=pieces())

    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


async def test_a_key_is_the_same_quoted_or_not(client):
    plain = await client.post("/key", headers={"Idempotency-Key": "k-1"})
    quoted = await client.post("/key", headers={"Idempotency-Key": ' "k-1" '})

    assert plain.json() == quoted.json()
    assert len(plain.json()["key"]) == 64


async def test_other_keys_are_others(client):
    keys = ["a", "A", "a ", '"a', "a" * 255, "ä".encode()]
    found = {(await client.post("/key", headers={"Idempotency-Key": key})).json()["key"] for key in keys}

    assert len(found) == 5  # blanks around it do not count


@pytest.mark.parametrize(
    "headers", [{}, {"Idempotency-Key": ""}, {"Idempotency-Key": '""'}, {"Idempotency-Key": "x" * 256}]
)
async def test_a_key_that_is_missing_empty_or_too_long_is_refused(client, headers):
    answer = await client.post("/key", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency-key-missing")


async def test_the_link_to_the_next_page_keeps_what_was_asked(client_of):
    async def page(request: Web, cursor: FromQuery[str | None] = None) -> dict[str, str | None]:
        return reply({"cursor": cursor}, headers=next_link(request, "c=2/+" if cursor != "c=2/+" else None))

    client = client_of(get("/pages", before_request=anyone)(page))
    first = await client.get("/pages", params={"status": "a&b", "limit": "2", "cursor": "old"})
    second = await client.get(first.links["next"]["url"])

    path, _, asked = first.links["next"]["url"].partition("?")
    assert path == "/pages"
    assert sorted(asked.split("&")) == ["cursor=c%3D2%2F%2B", "limit=2", "status=a%26b"]
    assert second.json() == {"cursor": "c=2/+"}
    assert "link" not in second.headers


@pytest.mark.parametrize("name", ["Ω", "a b", "a>b", "a\r\nX-Evil: 1", "ü"])
async def test_the_link_to_the_next_page_is_a_header_whatever_is_in_the_path(client_of, name):
    async def page(request: Web, name: FromPath[str]) -> dict[str, str]:
        return reply({"name": name}, headers=next_link(request, "c"))

    client = client_of(get("/pages/{name:str}", before_request=anyone)(page))
    first = await client.get("/pages/" + "".join(f"%{byte:02x}" for byte in name.encode()))

    assert first.status_code == 200
    assert re.fullmatch(r'<[!#-;=?-~]+>; rel="next"', first.headers["link"])
    assert (await client.get(first.links["next"]["url"])).json() == {"name": name}


@given(st.text(st.characters(codec="latin-1"), max_size=300))
def test_any_key_is_a_key_or_refused(key):
    request = Request({"type": "http", "headers": [(b"idempotency-key", key.encode("latin-1"))]})

    with suppress(KeyMissing):
        assert len(take_key(request)) == 64
