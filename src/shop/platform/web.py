"""The Litestar app: who may call, what caused it, and every refusal as problem+json (RFC 9457)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec
import structlog
from litestar import Litestar, Request, Response, get
from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from shop.kernel import errors
from shop.kernel.events import Cause
from shop.kernel.ids import Ids
from shop.platform.storage.port import TooMuch, Unavailable
from shop.platform.tokens import Caller, Tokens, WrongToken

MOST_BODY = 1024 * 1024  # bytes of a request
_MOST_KEY = 255

T = TypeVar("T")
Web = Request[Caller, str, Any]

log = structlog.get_logger("shop.web")

_STATUS: Mapping[type[Exception], int] = {
    errors.Invalid: 422,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Clash: 409,
    errors.Stale: 412,
    errors.VersionMissing: 428,
    errors.TooLarge: 413,
    errors.TryLater: 503,
}
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._~-]{1,64}")
_TRACEPARENT = re.compile(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_AT = re.compile(r" - at `\$\.?(.*?)`$")


class NotJson(errors.Refusal):
    """A body that is no JSON at all."""

    code = "not-json"


class Wrong(errors.Invalid):
    """A body or parameter that does not have the shape it must have."""

    code = "wrong-shape"


class KeyMissing(errors.Refusal):
    """A request that must be safe to repeat came without the key that makes it so."""

    code = "idempotency-key-missing"


class NotAllowed(errors.Forbidden):
    """The caller's role may not do this."""

    code = "not-allowed"


class StrictRequest(Request[Caller, str, Any]):
    """Decodes the body straight into the handler's type: no coercion, unknown fields refused by the type."""

    async def json(self) -> Any:
        """The decoded body; `NotJson` or `Wrong` with the field named."""
        field = self.scope["route_handler"].parsed_data_field
        body = await self.body()
        try:
            return msgspec.json.decode(body, type=field.annotation) if field else msgspec.json.decode(body)
        except msgspec.ValidationError as error:
            raise wrong(error) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise NotJson(f"the body is no JSON: {error}") from error


def wrong(error: msgspec.ValidationError) -> Wrong:
    """Msgspec's finding with the field in its place."""
    text = str(error)
    where = _AT.search(text)
    field = where.group(1) if where else ""
    message = _AT.sub("", text)
    return Wrong(f"{field}: {message}" if field else message, errors=[{"field": field, "message": message}])


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call a route: a guard that every route names once."""

    roles: tuple[str, ...]  # empty: anyone

    async def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:  # noqa: ARG002
        """Know the caller; `WrongToken` without a token that is good, `NotAllowed` in another role."""
        if not self.roles:
            return
        header = header_of(connection, b"authorization") or ""
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise WrongToken("send a bearer token: Authorization: Bearer …")
        caller = connection.app.state.tokens.verify(token.strip())
        if caller.role not in self.roles:
            raise NotAllowed(f"only {' or '.join(self.roles)} may do this")
        connection.scope["user"] = caller


anyone = Access(())


def callers(*roles: str) -> Access:
    """Only with a token in one of these roles."""
    return Access(roles)


def caller_of(request: Web) -> Caller:
    """Who asks, on a route that has `callers(…)`."""
    return request.user


def cause_of(request: Web) -> Cause:
    """The request, as the cause of what it writes."""
    cause: Cause = request.scope["state"]["cause"]
    return cause


class Reply(Response[T]):
    """A JSON answer and nothing else: no cookies, no tasks. Litestar's own costs as much as all the rest of a read."""

    def __init__(self, content: T, *, status_code: int, headers: Mapping[str, str]) -> None:
        self.content = content
        self.status_code = status_code
        self.headers = dict(headers)

    def to_asgi_response(self, *_: object, **__: object) -> ASGIApp:  # type: ignore[override]
        """Two messages, encoded once."""
        body = b"" if self.status_code == HTTPStatus.NOT_MODIFIED else msgspec.json.encode(self.content)
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in self.headers.items()]
        if self.status_code != HTTPStatus.NOT_MODIFIED:
            headers += [_JSON, (b"content-length", b"%d" % len(body))]
        start = {"type": "http.response.start", "status": self.status_code, "headers": headers}

        async def send_it(_: Scope, __: Receive, send: Send) -> None:
            await send(start)  # type: ignore[arg-type]
            await send({"type": "http.response.body", "body": body, "more_body": False})

        return send_it


_JSON = (b"content-type", b"application/json")


def reply(body: T, *, status: int = 200, headers: Mapping[str, str] | None = None, private: bool = True) -> Response[T]:
    """A JSON answer; nobody may keep it unless it says otherwise."""
    told = {"Cache-Control": "private, no-store"} if private else {}
    return Reply(body, status_code=status, headers={**told, **(headers or {})})


def header_of(connection: ASGIConnection[Any, Any, Any, Any], name: bytes) -> str | None:
    """One header of the request, by its name in lower case, without decoding them all."""
    return next((value.decode("latin-1") for key, value in connection.scope["headers"] if key == name), None)


def take_key(request: Web) -> str:
    """The Idempotency-Key, quoted or not, as a digest; `KeyMissing` without one."""
    key = (header_of(request, b"idempotency-key") or "").strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':  # noqa: PLR2004 - a structured-field string (RFC 8941 §3.3.3)
        key = key[1:-1]
    if not 0 < len(key) <= _MOST_KEY:
        raise KeyMissing(f"send an Idempotency-Key of 1 to {_MOST_KEY} characters: the same key is the same request")
    return hashlib.sha256(key.encode()).hexdigest()


def next_link(request: Web, cursor: str | None) -> dict[str, str]:
    """The `Link` header (RFC 8288) to the next page."""
    if cursor is None:
        return {}
    asked = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    return {"Link": f'<{request.scope["path"]}?{urlencode([*asked, ("cursor", cursor)])}>; rel="next"'}


def build_app(
    routes: Sequence[HTTPRouteHandler],
    *,
    tokens: Tokens,
    ids: Ids,
) -> ASGIApp:
    """The routes as an ASGI app."""
    app = Litestar(
        route_handlers=[*routes, alive],
        request_class=StrictRequest,
        exception_handlers={Exception: problem_of},
        openapi_config=None,
        request_max_body_size=MOST_BODY,
        logging_config=None,
        debug=False,
    )
    app.state.tokens = tokens
    return Edge(app, ids)


@get("/health/live", guards=[anyone])
async def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


class Edge:
    """Around the app: an id for each request, in its answer too, and a line in the log for what it changed."""

    def __init__(self, app: ASGIApp, ids: Ids) -> None:
        self._app = app
        self._ids = ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        request_id, traceparent = self._named(scope["headers"])
        scope.setdefault("state", {})["cause"] = Cause(id=request_id, traceparent=traceparent)
        header = (b"x-request-id", request_id.encode())
        method, path = scope["method"], scope["path"]

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], header]
                status = message["status"]
                if method != "GET" or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    log.info("request", method=method, path=path, status=status, request_id=request_id)
            await send(message)

        await self._app(scope, receive, send_named)

    def _named(self, headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, str | None]:
        request_id = traceparent = None
        for name, value in headers:
            if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                request_id = value.decode()
            elif name == b"traceparent" and _TRACEPARENT.fullmatch(value):
                traceparent = value.decode()
        return request_id or self._ids("req"), traceparent


def problem_of(request: Web, error: Exception) -> Response[Mapping[str, object]]:
    """Whatever was raised, as problem+json. The one place where a refusal gets its HTTP status."""
    refusal, status = _understood(error)
    request_id = cause_of(request).id
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request.failed", path=request.scope["path"], request_id=request_id, exc_info=error)
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
    headers = {"Cache-Control": "no-store"}
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(refusal.retry_after)))
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, HTTPException) and error.headers:
        headers |= {name: value for name, value in error.headers.items() if name.lower() == "allow"}
    return Response(problem, status_code=status, headers=headers, media_type="application/problem+json")


class _Other(errors.Refusal):
    def __init__(self, code: str, detail: str, **told: Any) -> None:
        super().__init__(detail, **told)
        self.code = code  # type: ignore[misc]


def _understood(error: Exception) -> tuple[errors.Refusal, int]:
    if isinstance(error, NotJson | KeyMissing):
        return error, 400
    if isinstance(error, errors.Refusal):
        return error, next(status for kind, status in _STATUS.items() if isinstance(error, kind))
    if isinstance(error, TooMuch):
        return _Other("too-large", str(error)), 413
    if isinstance(error, Unavailable):
        return _Other("unavailable", "the store cannot take this now: try again", retry_after=error.retry_after), 503
    if isinstance(error, HTTPException):
        return _litestar(error)
    return _Other("internal-error", "this is our fault; the request id finds it in the log"), 500


def _litestar(error: HTTPException) -> tuple[errors.Refusal, int]:
    status = HTTPStatus(error.status_code)
    code = {404: "no-such-route", 405: "method-not-allowed", 413: "too-large"}.get(status, "wrong-request")
    found = error.extra if isinstance(error.extra, list) else []
    fields = [{"field": str(one.get("key", "")), "message": str(one.get("message", ""))} for one in found]
    detail = "; ".join(f"{one['field']}: {one['message']}" for one in fields) or error.detail
    return _Other(code, detail, errors=fields), int(status)
