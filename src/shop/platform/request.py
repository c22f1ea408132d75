"""A request: who asks, what it is the cause of, and what of it goes into the log."""

from __future__ import annotations

import re
from typing import Annotated, Any

import structlog
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.params import QueryParameter
from litestar.types import Scope

from shop.kernel.events import Cause
from shop.kernel.ids import Ids
from shop.platform.observability import about, asked
from shop.platform.tokens import Caller

Web = Request[Caller, str, Any]
Limit = Annotated[int, QueryParameter(ge=1, le=100, description="How many on a page, at most.")]
Cursor = Annotated[str | None, QueryParameter(description="`nextCursor` of the page before.")]

log = structlog.get_logger("shop.web")

_REQUEST_ID = re.compile(r"[A-Za-z0-9._~-]{1,64}")
_NOBODY = "shop"
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def caller_of(request: Web) -> Caller:
    """Who asks, on a route that has `callers(…)`."""
    return request.user


def cause_of(request: Request[Any, Any, Any]) -> Cause:
    """The request, as the cause of what it writes; its id is the caller's own, if one was sent, or made now."""
    cause: Cause | None = request.scope["state"].get("cause")
    return cause or begin(request.scope, request.app.state.ids)


def begin(scope: Scope, ids: Ids) -> Cause:
    """Make the request a cause, before anything has asked for it."""
    request_id, traceparent = header_in(scope, b"x-request-id"), header_in(scope, b"traceparent")
    cause = scope.setdefault("state", {})["cause"] = Cause(
        id=request_id if request_id and _REQUEST_ID.fullmatch(request_id) else ids("req"),
        traceparent=traceparent if traceparent and _TRACEPARENT.fullmatch(traceparent) else None,
    )
    about.set(cause)
    asked.set(context_of(scope))
    return cause


def context_of(scope: Scope) -> str:
    """Whose route it is: `shop.orders.presentation.api` has it; those of the process are `shop`'s."""
    handler = scope.get("route_handler")
    names = handler.fn.__module__.split(".") if handler is not None and scope.get("path_template") else []
    return names[1] if names[2:3] == ["presentation"] else _NOBODY


def header_of(connection: ASGIConnection[Any, Any, Any, Any], name: bytes) -> str | None:
    """One header of the request, by its name in lower case, without decoding them all."""
    return header_in(connection.scope, name)


def header_in(scope: Scope, name: bytes) -> str | None:
    """As `header_of`, where there is no request yet."""
    for key, value in scope["headers"]:  # twice as fast as a generator, six times a request
        if key == name:
            return value.decode("latin-1")
    return None


def told(request: Request[Any, Any, Any], status: int, *, fault: Exception | None = None) -> None:
    """A line in the log: what was asked and how it ended; with the traceback where it is our fault."""
    scope = request.scope
    route = scope.get("path_template") or "-"  # the path itself may name a person
    line = {"method": scope["method"], "route": route, "status": status, "request_id": cause_of(request).id}
    if fault is None:
        log.info("request", **line)
    else:
        log.error("request.failed", **line, exc_info=fault)
