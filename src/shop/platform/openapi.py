"""The OpenAPI 3.1 document, made from the routes: their paths, types, access, and what they say they answer.

Not Litestar's own generation: it knows handlers' signatures alone, and we read headers and refuse by ourselves, so that
most of it would have to be put right. The schemas are msgspec's, which decodes and encodes by the same types.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus
from types import NoneType
from typing import Any, get_args

import msgspec
from litestar import Response
from litestar.handlers import HTTPRouteHandler
from litestar.typing import FieldDefinition

from shop.kernel import errors
from shop.platform.answers import Habit, Header, said_of
from shop.platform.problems import PROBLEM_SCHEMA, status_of
from shop.platform.tokens import ROLES

Json = dict[str, Any]

_REFS = "#/components/schemas/{name}"
_PATH_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
_UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
_KINDS = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.Refusal)}
_OURS = ("request", "data", "scope", "state", "headers", "cookies", "query", "body", "socket")

SECURITY: Json = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "`sub` and `role`."},
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "Payment-Signature",
        "description": "`t=<unix seconds>,v1=<hex HMAC-SHA256(secret, t + '.' + raw body)>`, at most 300 s old.",
    },
}


def document_of(routes: Sequence[HTTPRouteHandler], *, title: str, version: str, about: str) -> Json:
    """The whole document; `ValueError` for a route that does not say how it may answer."""
    schemas = _Schemas(routes)
    paths: Json = {}
    for route in routes:
        for path in sorted(route.paths):
            for method in sorted(route.http_methods - {"HEAD", "OPTIONS"}):
                item = paths.setdefault(_PATH_PARAMETER.sub(lambda found: f"{{{_camel(found[1])}}}", path), {})
                item[method.lower()] = _operation(route, method, path, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": about},
        "paths": paths,
        "components": {"schemas": {"Problem": PROBLEM_SCHEMA, **schemas.components}, "securitySchemes": SECURITY},
    }


class _Schemas:
    """What the routes take and give, as schemas that refer to each other."""

    def __init__(self, routes: Sequence[HTTPRouteHandler]) -> None:
        kinds = [kind for route in routes for kind in _kinds(route)]
        found, self.components = msgspec.json.schema_components(kinds, ref_template=_REFS)
        self._of = list(zip(kinds, found, strict=True))

    def of(self, kind: Any) -> Json:
        """The schema of one of them."""
        return next(dict(schema) for known, schema in self._of if known == kind)


def _kinds(route: HTTPRouteHandler) -> Iterator[Any]:
    """Types of the body, the parameters and the success."""
    for _, parameter in _asked(route):
        yield _without_none(parameter.annotation)
    if (given := _given(route)) is not NoneType:
        yield given


def _operation(route: HTTPRouteHandler, method: str, path: str, schemas: _Schemas) -> Json:
    said = said_of(route)
    group, _, name = route.fn.__qualname__.rpartition(".")
    group = group.removesuffix("Api") or "Operations"
    says = " ".join((route.fn.__doc__ or "").split())
    operation: Json = {
        "operationId": f"{group.lower()}.{name}",
        "tags": [group],
        "summary": says.partition(". ")[0].rstrip("."),
        "description": says,
        "security": _security(route),
        "parameters": [*_parameters(route, path, schemas), *map(_header_parameter, said.reads)],
        "responses": {**_success(route, said, schemas), **_refused(_refusals(route, method, path, said))},
    }
    for parameter, field in _asked(route):
        if parameter == "data":
            body = {"application/json": {"schema": schemas.of(field.annotation)}}
            operation["requestBody"] = {"required": True, "content": body}
    return operation


def _asked(route: HTTPRouteHandler) -> Iterator[tuple[str, FieldDefinition]]:
    """The handler's arguments that come from the body, the path and the query."""
    for name, field in route.parsed_fn_signature.parameters.items():
        if name == "data" or name not in _OURS:
            yield name, field


def _given(route: HTTPRouteHandler) -> Any:
    """The type of what is in the body of a success."""
    annotation = route.parsed_fn_signature.return_type
    if annotation.is_subclass_of(Response):
        return _without_none(get_args(annotation.annotation)[0])
    return annotation.annotation


def _parameters(route: HTTPRouteHandler, path: str, schemas: _Schemas) -> Iterator[Json]:
    in_path = _PATH_PARAMETER.findall(path)
    for name in in_path:
        schema = {"type": "string", "minLength": 1, "pattern": "^[^/]+$"}
        yield {"name": _camel(name), "in": "path", "required": True, "schema": schema}
    for name, field in _asked(route):
        if name != "data" and name not in in_path:
            known: Any = field.kwarg_definition
            schema = schemas.of(_without_none(field.annotation)) | _limits(known)
            if field.has_default and field.default is not None:
                schema["default"] = field.default
            parameter = {"name": known.query or known.name or name, "in": "query", "required": field.is_required}
            yield parameter | {"description": known.description or "", "schema": schema}


def _limits(known: Any) -> Json:
    limits = {
        "minimum": known.ge,
        "maximum": known.le,
        "minLength": known.min_length,
        "maxLength": known.max_length,
        "pattern": known.pattern,
    }
    return {name: value for name, value in limits.items() if value is not None}


def _header_parameter(header: Header) -> Json:
    schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
    return {"name": header.name, "in": "header", "required": header.needed} | {
        "description": header.says,
        "schema": schema,
    }


def _success(route: HTTPRouteHandler, said: Habit, schemas: _Schemas) -> Json:
    headers = {
        header.name: {"description": header.says, "required": header.needed, "schema": {"type": "string"}}
        for header in said.gives
    }
    answer: Json = {"description": HTTPStatus(route.status_code).phrase, "headers": headers}
    if (given := _given(route)) is not NoneType:
        answer["content"] = {route.media_type or "application/json": {"schema": schemas.of(given)}}
    besides = {str(status): {"description": text} for status, text in said.besides.items()}
    return {str(route.status_code): answer, **besides}


def _refusals(route: HTTPRouteHandler, method: str, path: str, said: Habit) -> Iterator[tuple[int, str | None]]:
    """Status and code of each; None: any code. First what is common to all routes of its shape."""
    access: Any = route.before_request
    asks = [name for name, _ in _asked(route)]
    yield from [(400, "wrong-request"), (429, "too-many-requests"), (500, "internal-error"), (503, "unavailable")]
    if access.security:
        yield 401, access.refusal.code
    if access.roles and set(access.roles) != set(ROLES):
        yield 403, "not-allowed"
    if "{" in path:
        yield 404, "no-such-route"
    if asks:
        yield from [(414, "uri-too-long"), (422, "wrong-shape")]
    if "data" in asks:
        yield from [(400, "not-json"), (413, "too-large"), (415, "not-json-type"), (422, "too-deep")]
    if method in _UNSAFE:
        yield 409, "busy"
    yield from ((status_of(kind), None if kind in _KINDS else kind.code) for kind in said.refusals)


def _refused(refusals: Iterable[tuple[int, str | None]]) -> Json:
    codes: dict[int, list[str | None]] = {}
    for status, code in refusals:
        codes.setdefault(status, []).append(code)
    answers: Json = {}
    for status, known in sorted(codes.items()):
        names = sorted({code for code in known if code})
        schema: Json = {"allOf": [{"$ref": _REFS.format(name="Problem")}]}
        if None not in known:
            schema["properties"] = {"code": {"enum": names}}
        said = f"{HTTPStatus(status).phrase}: {', '.join(f'`{name}`' for name in names)}"
        answers[str(status)] = {"description": said, "content": {"application/problem+json": {"schema": schema}}}
    return answers


def _security(route: HTTPRouteHandler) -> list[Json]:
    access: Any = route.before_request
    return [{access.security: list(access.roles)}] if access.security else []


def _without_none(annotation: Any) -> Any:
    """`X` of `X | None`; NoneType alone stays."""
    some = [one for one in get_args(annotation) if one is not NoneType]
    return some[0] if NoneType in get_args(annotation) and len(some) == 1 else annotation


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.title, rest))
