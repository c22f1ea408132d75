"""The Litestar app: who may call, what caused it, how it is answered."""

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
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from shop.kernel.events import Cause
from shop.kernel.ids import Ids
from shop.platform.problems import KeyMissing, NotAllowed, NotJson, problem_of, wrong
from shop.platform.tokens import Caller, Tokens, WrongToken

MOST_BODY = 1024 * 1024  # bytes of a request
_MOST_KEY = 255

T = TypeVar("T")
Web = Request[Caller, str, Any]

log = structlog.get_logger("shop.web")

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._~-]{1,64}")
_TRACEPARENT = re.compile(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


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


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call a route. Every route names it once, as what happens before its request: `build_app` insists.

    Not one of Litestar's guards: those copy the route for each request, which costs as much as reading a product.
    """

    roles: tuple[str, ...]  # empty: anyone

    async def __call__(self, request: Request[Any, Any, Any]) -> None:
        """Know the caller; `WrongToken` without a token that is good, `NotAllowed` in another role."""
        if not self.roles:
            return
        header = header_of(request, b"authorization") or ""
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise WrongToken("send a bearer token: Authorization: Bearer …")
        caller = request.app.state.tokens.verify(token.strip())
        if caller.role not in self.roles:
            raise NotAllowed(f"only {' or '.join(self.roles)} may do this")
        request.scope["user"] = caller


anyone = Access(())


def callers(role: str, *more: str) -> Access:
    """Only with a token in one of these roles."""
    return Access((role, *more))


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
    """The routes as an ASGI app; a route that does not say who may call it is a fault at start (`ValueError`)."""
    every = [*routes, alive]
    for route in every:
        if not isinstance(route.before_request, Access):
            raise ValueError(f"{sorted(route.paths)} does not say who may call it: before_request=callers(…) or anyone")  # noqa: TRY004
    app = Litestar(
        route_handlers=every,
        request_class=StrictRequest,
        exception_handlers={Exception: problem_of},
        openapi_config=None,
        request_max_body_size=MOST_BODY,
        logging_config=None,
        debug=False,
    )
    app.state.tokens = tokens
    return Edge(app, ids)


@get("/health/live", before_request=anyone)
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
