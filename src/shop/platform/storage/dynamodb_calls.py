"""Calls of DynamoDB, made again for as long as that may help."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from botocore.exceptions import (  # type: ignore[import-untyped]
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ProxyConnectionError,
    SSLError,
)

from shop.platform.storage.port import Unavailable

T = TypeVar("T")

CANCELED = "TransactionCanceledException"

_FIRST_WAIT, _LONGEST_WAIT = 0.025, 0.8  # seconds
_NOT_REACHED = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError, SSLError)
_BROKEN_OFF = (HTTPClientError, TimeoutError, OSError)
_THROTTLED = {
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingError",
    "ThrottlingException",
    "TransactionConflict",
    "TransactionConflictException",
}
_UNDER_WAY = {"TransactionInProgressException"}
_SERVER_ERROR = 500


class Unprocessed(Exception):
    """A part of what was asked for was not looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a call is made again, in seconds."""

    known: float = 3.0  # while it is known to be not done
    unknown: float = 8.0  # while it may be done: less than a function has for an event; a token is good for ten minutes


async def patiently(call: Callable[[], Awaitable[T]], *, patience: Patience, writes: bool = False) -> T:
    """The call's answer, or the error that it has for good; else, in the end, `Unavailable`.

    `writes`: the call has a token, under which it is made again until it is known what became of it.
    """
    loop = asyncio.get_running_loop()
    began, longest, unknown = loop.time(), _FIRST_WAIT, False
    while True:
        try:
            return await call()
        except (ClientError, Unprocessed, *_NOT_REACHED, *_BROKEN_OFF) as error:
            if not _may_help(error):
                raise
            unknown |= writes and _may_be_done(error)
            if loop.time() - began > (patience.unknown if unknown else patience.known):
                what = "does not answer whether it was done" if unknown else "is not to be had"
                raise Unavailable(f"the store {what}: {type(error).__name__}: {error}") from error
        await asyncio.sleep(random.random() * longest)  # noqa: S311 - jitter, not a secret
        longest = min(longest * 2, _LONGEST_WAIT)


def reasons(error: ClientError) -> list[str]:
    """Of a transaction that was cancelled, one per item; `None` where an item is not to blame, or was not looked at."""
    return [reason.get("Code", "None") for reason in error.response.get("CancellationReasons", ())]


def code(error: ClientError) -> str:
    """The error's name."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _may_help(error: Exception) -> bool:
    if not isinstance(error, ClientError):
        return True
    if code(error) == CANCELED:
        why = set(reasons(error)) - {"None"}
        return bool(why) and why <= _THROTTLED
    return code(error) in _THROTTLED | _UNDER_WAY or _status(error) >= _SERVER_ERROR


def _may_be_done(error: Exception) -> bool:
    if isinstance(error, ClientError):
        return code(error) in _UNDER_WAY or _status(error) >= _SERVER_ERROR
    return not isinstance(error, (*_NOT_REACHED, Unprocessed))


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
