"""The document says what the routes say: their types, access, headers, and every status with its codes."""

from __future__ import annotations

from typing import Annotated

import jsonschema_rs
import msgspec
import pytest
from litestar import Response, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from shop.kernel import errors
from shop.platform.answers import CACHED, KEYED, LOCATION, Header, answers
from shop.platform.openapi import document_of
from shop.platform.problems import PROBLEM_SCHEMA
from shop.platform.request import Limit
from shop.platform.web import anyone, callers, reply


class Body(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What is sent."""

    given_name: Annotated[str, msgspec.Meta(max_length=5)]


class View(msgspec.Struct, frozen=True, rename="camel"):
    """What is seen."""

    full_name: str


class NoSuchPage(errors.NotFound):
    """There is none."""

    code = "no-such-page"


async def _read(page_id: FromPath[str]) -> Response[View | None]:
    """One page. It has
    a name.
    """
    return reply(View(page_id))


async def _list(
    limit: Limit = 50,  # noqa: ARG001 - the document reads it
    q: Annotated[str | None, QueryParameter(name="searchFor", description="Words.")] = None,  # noqa: ARG001
) -> Response[None]:
    """Pages."""
    return reply(None, status=204)


async def _make(data: JSONBody[Body]) -> Response[View]:
    """Make one."""
    return reply(View(data.given_name), status=201)


def _document(*routes):
    return document_of(routes, title="pages", version="1", about="Pages.")


def _codes(operation, status):
    return operation["responses"][str(status)]["content"]["application/problem+json"]["schema"]["properties"]["code"][
        "enum"
    ]


def test_a_route_is_an_operation_with_its_words_types_and_parameters():
    document = _document(get("/pages/{page_id:str}", before_request=anyone, opt=answers(NoSuchPage))(_read))
    operation = document["paths"]["/pages/{pageId}"]["get"]

    assert operation["summary"] == "One page"
    assert operation["description"] == "One page. It has a name."
    assert operation["security"] == []
    assert [(one["name"], one["in"], one["required"]) for one in operation["parameters"]] == [("pageId", "path", True)]
    assert operation["responses"]["200"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/View"
    }
    assert document["components"]["schemas"]["View"]["required"] == ["fullName"]


def test_parameters_of_the_query_have_their_limits_defaults_and_wire_names():
    [limit, words] = _document(get("/pages", before_request=anyone, opt=answers())(_list))["paths"]["/pages"]["get"][
        "parameters"
    ]

    assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 50}
    assert words == {
        "name": "searchFor",
        "in": "query",
        "required": False,
        "description": "Words.",
        "schema": {"type": "string"},
    }


def test_what_a_route_shares_with_its_like_is_added_and_what_is_its_own_is_named():
    route = post("/pages", before_request=callers("staff"), opt=answers(KEYED, LOCATION, errors.TryLater))(_make)
    operation = _document(route)["paths"]["/pages"]["post"]

    assert operation["responses"].keys() == {
        *("201", "400", "401", "403", "409", "413", "414", "415", "422", "429", "500", "503")
    }
    assert _codes(operation, 400) == ["idempotency-key-missing", "not-json", "wrong-request"]
    assert _codes(operation, 422) == ["idempotency-key-reused", "too-deep", "wrong-shape"]
    assert operation["security"] == [{"bearer": ["staff"]}]
    assert operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/Body")
    assert {one["name"]: one["required"] for one in operation["parameters"]} == {"Idempotency-Key": True}
    assert operation["responses"]["201"]["headers"].keys() == {"Idempotent-Replayed", "Location"}


def test_a_kind_of_refusal_stands_for_any_code():
    route = post("/pages", before_request=anyone, opt=answers(errors.TryLater))(_make)
    schema = _document(route)["paths"]["/pages"]["post"]["responses"]["503"]["content"]["application/problem+json"]

    assert "properties" not in schema["schema"]


def test_both_roles_are_refused_as_nobody_only():
    route = get("/pages/{page_id:str}", before_request=callers("customer", "staff"), opt=answers())(_read)
    responses = _document(route)["paths"]["/pages/{pageId}"]["get"]["responses"]

    assert "401" in responses
    assert "403" not in responses


def test_habits_and_headers_add_up():
    route = get("/pages/{page_id:str}", before_request=anyone, opt=answers(CACHED, Header("Age", "How old.")))(_read)
    operation = _document(route)["paths"]["/pages/{pageId}"]["get"]

    assert "content" not in operation["responses"]["304"]
    assert {"ETag", "Cache-Control", "Age"} <= operation["responses"]["200"]["headers"].keys()
    assert "If-None-Match" in {one["name"] for one in operation["parameters"]}


def test_a_route_that_does_not_say_how_it_may_answer_is_a_fault():
    with pytest.raises(ValueError, match=r"/pages.*opt=answers"):
        _document(put("/pages", before_request=anyone)(_make))


async def test_the_document_and_its_page_are_served_and_need_nothing_from_outside(client_of):
    client = client_of(
        get("/pages/{page_id:str}", before_request=anyone, opt=answers(NoSuchPage))(_read),
        post("/pages", before_request=callers("staff"), opt=answers())(_make),
    )
    document = (await client.get("/docs/openapi.json")).json()
    page = await client.get("/docs")

    assert document["openapi"].startswith("3.1")
    assert document["paths"].keys() == {"/pages/{pageId}", "/pages", "/health/live"}
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert "no-such-page" in page.text
    assert "//" not in page.text.replace("http://127.0.0.1:8000", "")


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '"><img src=x>', "`<b>`", "a & b"])
async def test_what_the_page_says_is_text(client_of, text):
    async def handler() -> Response[None]: ...

    handler.__doc__ = text
    page = await client_of(get("/pages", before_request=anyone, opt=answers())(handler)).get("/docs")

    assert text.replace("`", "") not in page.text
    assert "&lt;" in page.text or "&amp;" in page.text or "&gt;" in page.text


async def test_every_refusal_fits_the_schema_of_problems(client_of):
    problem = (await client_of(get("/", before_request=callers("staff"))(_read)).get("/nowhere")).json()

    assert jsonschema_rs.is_valid(PROBLEM_SCHEMA, problem)
    assert not jsonschema_rs.is_valid(PROBLEM_SCHEMA, problem | {"code": "Not A Code"})
