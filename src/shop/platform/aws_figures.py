"""Calls of AWS, counted where the SDK tells of them: each attempt of ours, with the SDK's own within it."""

from __future__ import annotations

import time
from typing import Any

from shop.platform.figures import Figures
from shop.platform.metrics import AWS_CALL_SECONDS, AWS_CALLS

_CANCELED = "TransactionCanceledException"
_REFUSED, _CONFLICT = "ConditionalCheckFailed", "TransactionConflict"
_ERROR, _SERVER_ERROR = 400, 500
_BEGAN = "shop.began"


class CallFigures:
    """Of one client, by operation."""

    def __init__(self, figures: Figures, *, service: str) -> None:
        self._figures = figures
        self._service = service

    def watch(self, client: Any) -> None:
        """From now on every call is counted."""
        client.meta.events.register("before-call", self._begins)
        client.meta.events.register("after-call", self._ends)
        client.meta.events.register("after-call-error", self._fails)

    def _begins(self, *, context: dict[str, Any], **_: object) -> None:
        context[_BEGAN] = time.perf_counter()

    def _ends(self, *, parsed: Any, http_response: Any, model: Any, context: dict[str, Any], **_: object) -> None:
        self._ended(model.name, result_of(parsed, http_response.status_code), context)

    def _fails(self, *, event_name: str, context: dict[str, Any], **_: object) -> None:
        self._ended(event_name.rpartition(".")[2], "unreached", context)

    def _ended(self, operation: str, result: str, context: dict[str, Any]) -> None:
        self._figures.count(AWS_CALLS, self._service, operation, result)
        seconds = time.perf_counter() - context[_BEGAN]
        self._figures.observe(AWS_CALL_SECONDS, self._service, operation, value=seconds)


def result_of(answer: Any, status: int) -> str:
    """`done`, `refused` by a condition, in `conflict` with another write, `throttled`, a `fault` of AWS, or `wrong`."""
    if status < _ERROR:
        return "done"
    code = str(answer.get("Error", {}).get("Code", ""))
    codes = {code} if code != _CANCELED else {one.get("Code") for one in answer.get("CancellationReasons", ())}
    if any(one and one.startswith(_REFUSED) for one in codes):
        return "refused"
    if any(one and one.startswith(_CONFLICT) for one in codes):
        return "conflict"
    if any(one and ("Throttl" in one or "Exceeded" in one) for one in codes):
        return "throttled"
    return "fault" if status >= _SERVER_ERROR else "wrong"
