"""The Litestar app: who may call, what caused it, how it is answered."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import accumulate
from typing import Any, ClassVar, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from litestar import Litestar, Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send

from shop.kernel.errors import Unauthenticated
from shop.kernel.idempotency import Once
from shop.kernel.ids import Ids
from shop.platform.answers import answers
from shop.platform.docs import Docs
from shop.platform.problems import (
    KeyMissing,
    NotAllowed,
    NotJson,
    NotJsonType,
    TooDeep,
    UriTooLong,
    problem_of,
    wrong,
)
from shop.platform.request import Web, caller_of, cause_of, header_of, told
from shop.platform.tokens import Caller, Tokens, WrongToken

MOST_BODY = 1024 * 1024  # bytes of a request
MOST_DEPTH = 32  # objects and lists within each other
MOST_URI = 8 * 1024  # bytes of path and query
_MOST_KEY = 255

T = TypeVar("T")


class StrictRequest(Request[Caller, str, Any]):
    """Decodes the body straight into the handler's type: no coercion, unknown fields refused by the type."""

    @property
    def content_length(self) -> int | None:
        """As sent; Litestar's own decodes every header to find it."""
        sent = header_of(self, b"content-length")
        return int(sent) if sent and sent.isdigit() else None

    async def json(self) -> Any:
        """The decoded body; `NotJson`, `NotJsonType`, `TooDeep`, or `Wrong` with the field named."""
        field = self.scope["route_handler"].parsed_data_field
        body = await self.body()
        kind = header_of(self, b"content-type")
        if kind and not _JSON_TYPE.match(kind):
            raise NotJsonType("send JSON: Content-Type: application/json")
        if depth_of(body) > MOST_DEPTH:
            raise TooDeep(f"the body is nested deeper than {MOST_DEPTH} levels")
        try:
            return msgspec.json.decode(body, type=field.annotation) if field else msgspec.json.decode(body)
        except msgspec.ValidationError as error:
            raise wrong(error) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise NotJson(f"the body is no JSON: {error}") from error


def depth_of(body: bytes) -> int:
    """How deep its objects and lists are nested, at most; exact from `MOST_DEPTH` on, if it is JSON."""
    brackets = body.count(b"{") + body.count(b"[")
    if brackets <= MOST_DEPTH:
        return brackets
    return max(accumulate(map(_STEPS.__getitem__, _NO_BRACKETS.sub(b"", body))), default=0)


_JSON_TYPE = re.compile(r"application/(?:[\w.-]+\+)?json\s*(?:;|$)", re.IGNORECASE)
_NO_BRACKETS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[^][{}"]+', re.DOTALL)
_STEPS = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call a route. Every route names it once, as what happens before its request: `build_app` insists.

    Not one of Litestar's guards: those copy the route for each request, which costs as much as reading a product.
    """

    roles: tuple[str, ...]  # empty: anyone
    refusal: ClassVar[type[Unauthenticated]] = WrongToken

    @property
    def security(self) -> str | None:
        """How a caller shows who it is: a name in the document's `securitySchemes`; None: not at all."""
        return "bearer" if self.roles else None

    async def __call__(self, request: Request[Any, Any, Any]) -> None:
        """Know the caller; `WrongToken` without a token that is good, `NotAllowed` in another role."""
        if len(request.scope["path"]) + len(request.scope["query_string"]) > MOST_URI:
            raise UriTooLong(f"the path and the query are longer than {MOST_URI} bytes")
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


class Reply(Response[T]):
    """A JSON answer and nothing else: no cookies, no tasks. Litestar's own costs as much as all the rest of a read.

    It is encoded once, however often it is given. It bears the request's id, and leaves a line in the log, if the
    request has caused anything.
    """

    def __init__(self, content: T, *, status_code: int, headers: Mapping[str, str]) -> None:
        self.content = content
        self.status_code: int = status_code
        self.headers = dict(headers)
        self._encoded: tuple[Pairs, bytes] | None = None

    @property
    def size(self) -> int:
        """Bytes of the body."""
        self._encoded = self._encoded or self._encode()
        return len(self._encoded[1])

    def to_asgi_response(self, app: None, request: Request[Any, Any, Any], **_: object) -> ASGIApp:  # type: ignore[override]  # noqa: ARG002
        """Two messages."""
        headers, body = self._encoded = self._encoded or self._encode()
        if "cause" in request.scope["state"] or header_of(request, b"x-request-id"):
            headers = [*headers, (b"x-request-id", cause_of(request).id.encode())]
            told(request, self.status_code)
        if request.scope["method"] == "HEAD":
            body = b""
        start = {"type": "http.response.start", "status": self.status_code, "headers": headers}

        async def send_it(_: Scope, __: Receive, send: Send) -> None:
            await send(start)  # type: ignore[arg-type]
            await send({"type": "http.response.body", "body": body, "more_body": False})

        return send_it

    def _encode(self) -> tuple[Pairs, bytes]:
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in self.headers.items()]
        if self.status_code in {HTTPStatus.NOT_MODIFIED, HTTPStatus.NO_CONTENT}:
            return headers, b""
        body = msgspec.json.encode(self.content)
        return [*headers, _JSON, (b"content-length", b"%d" % len(body))], body


Pairs = list[tuple[bytes, bytes]]
_JSON = (b"content-type", b"application/json")


def reply(body: T, *, status: int = 200, headers: Mapping[str, str] | None = None, private: bool = True) -> Reply[T]:
    """A JSON answer; nobody may keep it unless it says otherwise."""
    told = {"Cache-Control": "private, no-store"} if private else {}
    return Reply(body, status_code=status, headers={**told, **(headers or {})})


def once(request: Web, operation: str, data: object, *, of: str = "") -> Once:
    """The request as one that is to have its effect once per caller, key and operation; `of`: what its path names.

    A type of `data` that leaves defaults out can gain a field without making another request of those before.
    """
    fingerprint = hashlib.sha256(of.encode() + msgspec.json.encode(data, order="deterministic")).hexdigest()
    return Once(key=f"{caller_of(request).subject}/{operation}/{take_key(request)}", fingerprint=fingerprint)


def replay_header(*, replayed: bool) -> dict[str, str]:
    """Says of an answer that the request came before."""
    return {"Idempotent-Replayed": "true"} if replayed else {}


def take_key(request: Web) -> str:
    """The Idempotency-Key, quoted or not, as a digest; `KeyMissing` without one."""
    key = (header_of(request, b"idempotency-key") or "").strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':  # noqa: PLR2004 - a structured-field string (RFC 8941 §3.3.3)
        key = key[1:-1]
    if not 0 < len(key) <= _MOST_KEY:
        raise KeyMissing(f"send an Idempotency-Key of 1 to {_MOST_KEY} characters: the same key is the same request")
    return hashlib.sha256(key.encode()).hexdigest()


def next_link(request: Web, cursor: str | None, *, by: str = "cursor") -> dict[str, str]:
    """The `Link` header (RFC 8288) to the next page; `by`: the parameter that takes the cursor."""
    if cursor is None:
        return {}
    asked = [(name, value) for name, value in request.query_params.multi_items() if name != by]
    return {"Link": f'<{quote(request.scope["path"])}?{urlencode([*asked, (by, cursor)])}>; rel="next"'}


def build_app(
    routes: Sequence[HTTPRouteHandler],
    *,
    tokens: Tokens,
    ids: Ids,
    undocumented: Sequence[HTTPRouteHandler] = (),
) -> ASGIApp:
    """The routes as an ASGI app; a route that does not say who may call it is a fault at start (`ValueError`).

    `undocumented`: those of a page of ours, which are nobody else's.
    """
    documented = [*routes, alive]
    docs = Docs(of=documented)
    every = [
        *documented,
        *undocumented,
        get("/docs", before_request=anyone, opt=answers(), media_type="text/html")(docs.read),
        get("/docs/openapi.json", before_request=anyone, opt=answers())(docs.download),
    ]
    for route in every:
        if not isinstance(route.before_request, Access):
            raise ValueError(f"{sorted(route.paths)} does not say who may call it: before_request=callers(…) or anyone")  # noqa: TRY004
        if "GET" in route.http_methods:
            route.http_methods.add("HEAD")  # RFC 9110 §9.3.2: the same without its body
    app = Litestar(
        route_handlers=[*_options(every), *every],  # OPTIONS first: else Litestar adds its own
        request_class=StrictRequest,
        exception_handlers={Exception: problem_of},
        openapi_config=None,
        request_max_body_size=MOST_BODY,
        logging_config=None,
        debug=False,
    )
    app.state.tokens = tokens
    app.state.ids = ids
    return app


def _options(routes: Sequence[HTTPRouteHandler]) -> Iterator[HTTPRouteHandler]:
    """What may be done with each path; Litestar's own answer knows the path's first route only."""
    methods: dict[str, set[str]] = {}
    for route in routes:
        for path in route.paths:
            methods.setdefault(path, {"OPTIONS"}).update(route.http_methods)
    for path, allowed in methods.items():
        tell = _Methods(", ".join(sorted(allowed))).tell
        yield HTTPRouteHandler(path, http_method="OPTIONS", before_request=anyone, include_in_schema=False)(tell)


@dataclass(frozen=True, slots=True)
class _Methods:
    allowed: str

    async def tell(self) -> Response[None]:
        return reply(None, status=204, headers={"Allow": self.allowed}, private=False)


@get("/health/live", before_request=anyone, opt=answers())
async def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}
