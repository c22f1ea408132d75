"""A stack on AWS, as who begins to use it meets it: there, or in one line what is the matter and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
from botocore.exceptions import (  # type: ignore[import-untyped]
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.exceptions import ConnectionError as NotConnected

from shop.kernel.errors import TryLater
from shop.platform.aws_errors import code, why
from shop.platform.storage.port import Unavailable

_SAID = (BotoCoreError, ClientError, aiohttp.ClientError, TimeoutError)
_NOT_THERE = {"ResourceNotFoundException", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}


class OutOfReach(TryLater):
    """AWS cannot be asked, or refuses, or has no such stack."""

    code = "aws-out-of-reach"


@contextmanager
def reached(*, stack: str) -> Iterator[None]:
    """Whatever AWS says inside is `OutOfReach`, with the next step."""
    try:
        yield
    except _SAID as error:
        raise OutOfReach(_advice(error, stack)) from error
    except Unavailable as error:
        cause = error.__cause__
        raise OutOfReach(_advice(cause if isinstance(cause, Exception) else error, stack)) from error
    except ValueError as error:
        if "endpoint" not in str(error):  # botocore has no error of its own for it
            raise
        raise OutOfReach(f"AWS_ENDPOINT_URL is no address: {error}; leave it out for AWS itself") from error


def _advice(error: Exception, stack: str) -> str:
    if isinstance(error, NoRegionError):
        return "no region of AWS is named: set AWS_DEFAULT_REGION, like eu-central-1"
    if isinstance(error, NoCredentialsError | PartialCredentialsError | ProfileNotFound):
        told = " ".join(str(error).split())
        return f"AWS gets no credentials ({told}): set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
    if code(error) in _NOT_THERE:
        return (
            f"there is no stack {stack} here ({why(error)}): make it with `make deploy STACK={stack}`, or name another "
            "one with SHOP_STACK, AWS_DEFAULT_REGION"
        )
    if isinstance(error, NotConnected | HTTPClientError | aiohttp.ClientError | TimeoutError | Unavailable):
        told = " ".join(str(error).split())
        return f"AWS is out of reach ({why(error)}: {told}): check the network, AWS_DEFAULT_REGION, AWS_ENDPOINT_URL"
    if isinstance(error, ClientError):
        told = " ".join(error.response.get("Error", {}).get("Message", "").split())
        return f"AWS refuses ({why(error)}: {told}): check the credentials, and what they allow"
    return f"AWS cannot be asked: {' '.join(str(error).split())}"
