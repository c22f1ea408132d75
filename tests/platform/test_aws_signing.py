"""Requests are signed as the SDK signs them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as OfTheSdk

from shop.platform.aws_signing import Credentials, Signer, credentials_of

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
HEADERS = {
    "content-type": "application/x-amz-json-1.0",
    "host": "dynamodb.eu-west-1.amazonaws.com",
    "x-amz-target": "DynamoDB_20120810.GetItem",
}
BODY = '{"TableName": "größe"}'.encode()


def by_the_sdk(credentials: Credentials, at: datetime, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: at.replace(tzinfo=None))
    request = AWSRequest("POST", f"https://{HEADERS['host']}/", headers=HEADERS, data=BODY)
    given = OfTheSdk(credentials.key_id, credentials.secret, credentials.token)
    SigV4Auth(given, "dynamodb", "eu-west-1").add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


@pytest.mark.parametrize("token", [None, "lent/for+a=while"], ids=["own", "lent"])
def test_a_request_is_signed_as_the_sdk_signs_it_on_one_day_and_the_next(token, monkeypatch):
    credentials = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token)
    signer = Signer(credentials, service="dynamodb", region="eu-west-1")

    for at in (NOON, NOON + timedelta(seconds=1), NOON + timedelta(days=1)):
        assert signer.signed(HEADERS, BODY, at=at) == by_the_sdk(credentials, at, monkeypatch)


def test_credentials_are_those_of_the_environment_or_none():
    both = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}

    assert credentials_of({**both, "AWS_SESSION_TOKEN": "c"}) == Credentials("a", "b", "c")
    assert credentials_of({**both, "AWS_SESSION_TOKEN": ""}) == Credentials("a", "b")
    assert credentials_of({"AWS_ACCESS_KEY_ID": "a"}) is None
    assert credentials_of({}) is None


def test_what_is_secret_is_not_shown():
    assert "secret" not in repr(Credentials("key", "a secret", "a secret token"))
