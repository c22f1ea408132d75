"""What AWS says to who begins to use it: one line, which names the next step."""

from __future__ import annotations

import aiohttp
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    UnauthorizedSSOTokenError,
)

from shop.platform.aws_reach import OutOfReach, reached
from shop.platform.storage.port import Unavailable


def refused(code: str, message: str = "no, not\nyou") -> ClientError:
    told = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    return ClientError(told, "GetItem")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (NoRegionError(), r"set AWS_DEFAULT_REGION"),
        (NoCredentialsError(), r"set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"),
        (PartialCredentialsError(provider="env", cred_var="x"), r"or AWS_PROFILE"),
        (ProfileNotFound(profile="nobody"), r"nobody.*or AWS_PROFILE"),
        (refused("ResourceNotFoundException"), r"no stack shop-2 here.*make deploy STACK=shop-2.*SHOP_STACK"),
        (refused("AWS.SimpleQueueService.NonExistentQueue"), r"no stack shop-2 here"),
        (refused("AccessDeniedException"), r"refuses \(GetItem: AccessDeniedException: no, not you\).*credentials"),
        (refused("ExpiredTokenException"), r"check the credentials"),
        (EndpointConnectionError(endpoint_url="http://aws"), r"out of reach.*http://aws.*AWS_ENDPOINT_URL"),
        (ConnectTimeoutError(endpoint_url="http://aws"), r"out of reach"),
        (ReadTimeoutError(endpoint_url="http://aws"), r"out of reach"),
        (aiohttp.ClientPayloadError(), r"out of reach"),
        (TimeoutError(), r"out of reach"),
        (UnauthorizedSSOTokenError(), r"AWS cannot be asked: .*SSO"),
        (ValueError("Invalid endpoint: nonsense"), r"AWS_ENDPOINT_URL is no address: .*nonsense"),
        (Unavailable("the store is not to be had"), r"out of reach \(Unavailable: the store"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_what_is_the_matter_is_said_with_what_to_do(error, told):
    with pytest.raises(OutOfReach, match=told) as raised, reached(stack="shop-2"):
        raise error

    assert "\n" not in raised.value.detail


def test_of_a_store_that_gave_up_the_reason_is_told():
    def give_up():
        try:
            raise refused("ResourceNotFoundException")
        except ClientError as error:
            raise Unavailable("the store is not to be had") from error

    with pytest.raises(OutOfReach, match="no stack shop here"), reached(stack="shop"):
        give_up()


@pytest.mark.parametrize("error", [ValueError("of something else"), KeyError("x"), OSError("disk full")])
def test_what_is_not_of_aws_goes_on_as_it_is(error):
    with pytest.raises(type(error)) as raised, reached(stack="shop"):
        raise error

    assert raised.value is error
