"""Asking the origin: one GET, conditional where it can be, and its answer as the cache keeps it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus

import httpx

from shop.platform.http.answer import OriginRefused, OriginUnavailable
from shop.platform.http.breaker import CircuitOpen
from shop.platform.http.freshness import Fields, age_on_arrival, conditions, freshened, may_store
from shop.platform.http.stored import KEPT_FIELDS, Stored, stored
from shop.platform.http.transports import retry_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Another context, behind a transport."""

    transport: httpx.AsyncBaseTransport
    base_url: str
    wall: Callable[[], datetime]  # what the origin's Date is compared with

    async def get(self, path: str, *, sent: Fields, known: Stored | None = None) -> tuple[Stored, int]:
        """Its answer and status: a 200, or a 304 that confirms what is `known`. Else `OriginUnavailable`, or
        `OriginRefused` for what is neither a success nor a failure of its own.
        """
        asked = self.wall()
        conditional = conditions(known.fields) if known else {}
        try:
            request = httpx.Request("GET", self.base_url + path, headers={**sent, **conditional})
            response = await self.transport.handle_async_request(request)
            body = await response.aread()
        except CircuitOpen as error:
            raise OriginUnavailable(f"{path}: {error}", retry_after=error.retry_after) from error
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise OriginUnavailable(f"{path}: {type(error).__name__}") from error
        status = response.status_code
        if known is not None and status == HTTPStatus.NOT_MODIFIED:
            body = known.body
        elif status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.NOT_MODIFIED:
            raise OriginUnavailable(f"{path} answered {status}", retry_after=retry_after(response))
        elif status != HTTPStatus.OK:
            raise OriginRefused(f"{path} answered {status}", status=status, body=body)
        return self._stored(response, body, asked, sent, known if status == HTTPStatus.NOT_MODIFIED else None), status

    def _stored(
        self, response: httpx.Response, body: bytes, asked: datetime, sent: Fields, confirmed: Stored | None
    ) -> Stored:
        received = self.wall()
        fields = {name: value for name, value in response.headers.items() if name in KEPT_FIELDS}
        age = age_on_arrival(fields, asked=asked, received=received)
        if "date" not in fields:  # RFC 9110 §6.6.1: a recipient with a clock says when it came
            fields["date"] = format_datetime(received, usegmt=True)
        if confirmed is not None:
            fields = freshened(confirmed.fields, fields)
        keep = may_store(fields, status=HTTPStatus.OK, authorized="authorization" in sent)
        return stored(body=body, fields=fields, age=age, to_keep=keep)
