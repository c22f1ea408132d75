"""Calls of AWS, counted whoever makes them: each call of ours, with the client's own attempts within it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from botocore.exceptions import ClientError  # type: ignore[import-untyped]
from botocore.exceptions import ConnectionError as NotConnected

from shop.platform.aws_operations import operation_of
from shop.platform.figures import Figures
from shop.platform.metrics import AWS_CALL_SECONDS, AWS_CALLS

_CANCELED = "TransactionCanceledException"
_REFUSED, _CONFLICT = "ConditionalCheckFailed", "TransactionConflict"
_SERVER_ERROR = 500


class CountedClient:
    """The client of one service; whatever is called of it here is an operation of the service, by its Python name."""

    def __init__(self, client: Any, figures: Figures, *, service: str) -> None:
        self._client = client
        self._figures = figures
        self._service = service

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        if not callable(call) or name.startswith("_"):
            return call
        counted = self.__dict__[name] = self._counted(operation_of(name), call)
        return counted

    def _counted(self, operation: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        labels = self._service, operation

        async def counted(**asked: Any) -> Any:
            began, result = time.perf_counter(), "unanswered"  # not in time, not whole, or nobody waits
            try:
                answer = await call(**asked)
                result = "done"
            except ClientError as error:
                result = result_of(error)
                raise
            except NotConnected:
                result = "unreached"
                raise
            finally:
                self._figures.count(AWS_CALLS, *labels, result)
                self._figures.observe(AWS_CALL_SECONDS, *labels, value=time.perf_counter() - began)
            return answer

        return counted


def result_of(error: ClientError) -> str:
    """`refused` by a condition, in `conflict` with another write, `throttled`, a `fault` of AWS, or `wrong`."""
    answer = error.response
    code = str(answer.get("Error", {}).get("Code", ""))
    codes = {code} if code != _CANCELED else {one.get("Code") for one in answer.get("CancellationReasons", ())}
    if any(one and one.startswith(_REFUSED) for one in codes):
        return "refused"
    if any(one and one.startswith(_CONFLICT) for one in codes):
        return "conflict"
    if any(one and ("Throttl" in one or "Exceeded" in one) for one in codes):
        return "throttled"
    return "fault" if answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= _SERVER_ERROR else "wrong"
