"""What a journey asked, was answered and led to, without what differs from run to run: ids, moments, cursors."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import httpx
import msgspec

_ID = re.compile(r"\b(ord|evt|prc|red|req|rfd|mov)_[0-9a-f]{28}\b")
_SOMEONE = re.compile(r"\bsomeone-\d+\b")  # one of many, who are alike
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z")
_CURSORS = {"nextCursor", "cursor"}
_NEVER_TOLD = {"requestId"}
_AS_IT_GOES = {"timeline", "version"}  # while things happen, these depend on how far they have come
_SEARCHES = "/search"


class Transcript(msgspec.Struct):
    """Of one journey on one topology."""

    answers: list[str] = []
    events: list[str] = []
    state: list[str] = []  # all there was to see at the end

    @property
    def digest(self) -> str:
        """Of how everything stood at the end."""
        return hashlib.sha256("\n".join(self.state).encode()).hexdigest()[:12]


class Recorder:
    """Hears a client's answers, and remembers whom and what they were about."""

    def __init__(self, *, may_differ: Collection[str] = ()) -> None:
        """`may_differ`: types of events that depend on which of two was faster."""
        self.may_differ = frozenset(may_differ)
        self.listening = True
        self.answers: list[str] = []
        self.products: set[str] = set()
        self.orders: set[str] = set()
        self.customers: set[str] = set()
        self.quiet = True  # nothing is on its way

    async def __call__(self, response: httpx.Response) -> None:
        """Write an answer down."""
        if not self.listening:
            return
        body = await response.aread()
        request = response.request
        changes = request.method not in {"GET", "HEAD", "OPTIONS"}
        if changes:
            self.quiet = False
        told: Any = body.decode(errors="replace")
        if body and "json" in response.headers.get("content-type", ""):
            told = json.loads(body)
            self._notice(request, response, told)
        path = _plain(request.url.raw_path.decode())
        if path.startswith(_SEARCHES) and isinstance(told, dict) and "data" in told:
            told["data"] = sorted(told["data"], key=json.dumps)
        line = [request.method, path, response.status_code]
        if self.quiet:
            line.append(self.normal(told))
        elif changes:
            line.append(self.normal(told, without=_AS_IT_GOES))
        self.answers.append(json.dumps(line, sort_keys=True))

    def normal(self, told: Any, *, without: Collection[str] = ()) -> Any:
        """The same for every run that went the same way."""
        if isinstance(told, Mapping):
            return {
                _plain(name): self._field(name, value, without)
                for name, value in sorted(told.items())
                if name not in _NEVER_TOLD and name not in without and not (name == "version" and self.may_differ)
            }
        if isinstance(told, list):
            return [self.normal(one, without=without) for one in told]
        return _plain(told) if isinstance(told, str) else told

    def _field(self, name: str, value: Any, without: Collection[str]) -> Any:
        if name in _CURSORS:
            return "<cursor>" if value else None
        if name == "timeline" and isinstance(value, list):  # what happened, not which of two at once was first
            return sorted(
                (moment["what"], _plain(moment.get("detail") or ""))
                for moment in value
                if moment["what"] not in self.may_differ
            )
        return self.normal(value, without=without)

    def events(self, envelopes: Sequence[Mapping[str, Any]]) -> list[str]:
        """Each event once, however often it came; in no order."""
        once = {one["id"]: one for one in envelopes if one["type"] not in self.may_differ}
        told = Counter(
            json.dumps([one["type"], one["source"], _plain(one["subject"]), self.normal(one["data"])], sort_keys=True)
            for one in once.values()
        )
        return sorted(f"{count} {line}" for line, count in told.items())

    def _notice(self, request: httpx.Request, response: httpx.Response, told: Any) -> None:
        if response.is_success and request.method == "POST" and request.url.path == "/orders":
            self.orders.add(told["orderId"])
            self.customers.add(told["customerId"])
        if response.is_success and request.method == "POST" and request.url.path == "/products":
            self.products.add(told["productId"])


def _plain(text: str) -> str:
    return _SOMEONE.sub("<someone>", _MOMENT.sub("<moment>", _ID.sub(r"<\1>", text)))
