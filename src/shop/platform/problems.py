"""Every refusal as problem+json (RFC 9457): the one place where one gets its HTTP status."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from shop.kernel import errors
from shop.platform.request import cause_of, told
from shop.platform.storage.port import TooMuch, Unavailable

PROBLEM_SCHEMA: Mapping[str, object] = {
    "title": "Problem",
    "description": "Why something was not done (RFC 9457). `code` is stable, for programs; `detail` is for people.",
    "type": "object",
    "properties": {
        "type": {"type": "string", "pattern": "^urn:shop:problem:[a-z-]+$"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "code": {"type": "string", "pattern": "^[a-z-]+$"},
        "requestId": {"type": "string", "description": "Finds the request in the log."},
        "errors": {
            "description": "The fields that are wrong, where it is fields.",
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
                "required": ["field", "message"],
            },
        },
    },
    "required": ["type", "title", "status", "detail", "code", "requestId"],
}
_PATTERN = re.compile(r"Expected `str` matching regex '.*?'(?= - at|$)")
_AT = re.compile(r" - at `\$\.?(.*?)`$")


class Malformed(errors.Refusal):
    """A request that is not understood at all."""

    code = "malformed"


class NotJson(Malformed):
    """A body that is no JSON at all."""

    code = "not-json"


class KeyMissing(Malformed):
    """A request that must be safe to repeat came without the key that makes it so."""

    code = "idempotency-key-missing"


class NotJsonType(errors.Refusal):
    """A body that says it is something else than JSON."""

    code = "not-json-type"


class UriTooLong(errors.Refusal):
    """A path and query beyond any that we give or read."""

    code = "uri-too-long"


class Wrong(errors.Invalid):
    """A body or parameter that does not have the shape it must have."""

    code = "wrong-shape"


class TooDeep(errors.Invalid):
    """A body of objects within objects, more than anything here has."""

    code = "too-deep"


class TooManyRequests(errors.Refusal):
    """The caller has asked more often than it may."""

    code = "too-many-requests"


class NotAllowed(errors.Forbidden):
    """The caller's role may not do this."""

    code = "not-allowed"


_STATUS: Mapping[type[errors.Refusal], int] = {
    Malformed: 400,
    UriTooLong: 414,
    NotJsonType: 415,
    errors.Invalid: 422,
    TooManyRequests: 429,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Clash: 409,
    errors.Stale: 412,
    errors.VersionMissing: 428,
    errors.TryLater: 503,
}


def status_of(kind: type[errors.Refusal]) -> int:
    """The HTTP status of this kind of refusal."""
    return next(status for known, status in _STATUS.items() if issubclass(kind, known))


def wrong(error: msgspec.ValidationError) -> Wrong:
    """Msgspec's finding with the field in its place."""
    text = _PATTERN.sub("has characters that are not allowed, or too many", str(error))
    where = _AT.search(text)
    field = where.group(1) if where else ""
    message = _AT.sub("", text)
    return Wrong(f"{field}: {message}" if field else message, errors=[{"field": field, "message": message}])


def problem_of(request: Request[Any, Any, Any], error: Exception) -> Response[Mapping[str, object]]:
    """Whatever was raised, as problem+json. The one place where a refusal gets its HTTP status."""
    refusal, status = _understood(error)
    request_id = cause_of(request).id
    request.scope["state"]["problem"] = refusal.code  # for who counts them
    problem = {
        "type": f"urn:shop:problem:{refusal.code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": refusal.detail,
        "code": refusal.code,
        "requestId": request_id,
        **({"errors": refusal.errors} if refusal.errors else {}),
        **refusal.extra,
    }
    headers = {"Cache-Control": "no-store", "X-Request-ID": request_id}
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(refusal.retry_after)))
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, HTTPException) and error.headers:
        headers |= {name: value for name, value in error.headers.items() if name.lower() == "allow"}
    told(request, status, fault=error if status == HTTPStatus.INTERNAL_SERVER_ERROR else None)
    return Response(problem, status_code=status, headers=headers, media_type="application/problem+json")


class _Other(errors.Refusal):
    def __init__(self, code: str, detail: str, **told: Any) -> None:
        super().__init__(detail, **told)
        self.code = code  # type: ignore[misc]


def _understood(error: Exception) -> tuple[errors.Refusal, int]:
    if isinstance(error, errors.Refusal):
        return error, status_of(type(error))
    if isinstance(error, TooMuch):
        return _Other("too-large", str(error)), 413
    if isinstance(error, Unavailable):
        return _Other("unavailable", "the store cannot take this now: try again", retry_after=error.retry_after), 503
    if isinstance(error, HTTPException):
        return _litestar(error)
    return _Other("internal-error", "this is our fault; the request id finds it in the log"), 500


_SAID = {
    404: "there is nothing at this path",
    405: "this path does not take this method: the Allow header names those it takes",
    413: "the body is larger than 1 MB",
}


def _litestar(error: HTTPException) -> tuple[errors.Refusal, int]:
    status = HTTPStatus(error.status_code)
    found = error.extra if isinstance(error.extra, list) else []
    if any(one.get("key") == "data" for one in found):
        return NotJson("there is no body: send JSON"), status_of(NotJson)
    if found:
        fields = [{"field": str(one.get("key", "")), "message": str(one.get("message", ""))} for one in found]
        detail = "; ".join(f"{one['field']}: {one['message']}" for one in fields)
        return Wrong(detail, errors=fields), status_of(Wrong)
    code = {404: "no-such-route", 405: "method-not-allowed", 413: "too-large"}.get(status, "wrong-request")
    return _Other(code, _SAID.get(status, error.detail)), int(status)
