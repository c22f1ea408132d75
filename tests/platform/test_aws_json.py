"""Our client of AWS's JSON protocols fails as the SDK's does, tries again as it does, and loads nothing of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from aiobotocore.client import AioBaseClient
from botocore.exceptions import ClientError, NoRegionError
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker

from shop.platform.aws import Aws
from shop.platform.aws_connections import Answered
from shop.platform.aws_errors import code, is_forbidden, is_refused, why
from shop.platform.aws_json import JsonClient
from shop.platform.aws_signing import Credentials

CREDENTIALS = Credentials("key", "secret")
THROTTLED = ThrottledRetryableChecker._THROTTLED_ERROR_CODES
CONFIG = {
    "max_pool_connections": 64,
    "connect_timeout": 1.0,
    "read_timeout": 2.0,
    "retries": {"mode": "standard", "total_max_attempts": 3},
}


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr("shop.platform.aws_json.random.random", lambda: 0.0)


@pytest.fixture
def answered(monkeypatch, at_once):  # noqa: ARG001
    """A client of SQS that is answered so, in order; the last answer again and again. With what it sends."""
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)

    def by(*answers, service="sqs"):
        client, sent, left = JsonClient(service, CONFIG, CREDENTIALS), [], list(answers)

        async def post(headers, body):
            sent.append((headers, json.loads(body)))
            return left.pop(0) if len(left) > 1 else left[0]

        monkeypatch.setattr(client._connections, "post", post)
        return client, sent

    return by


def says(status, told=None, **headers):
    return Answered(status, headers, json.dumps(told).encode() if told is not None else b"")


GOOD = says(200, {"QueueUrl": "here"})
LOADED = """
import os, sys
os.environ["SHOP_ROLE"] = sys.argv[1]
import shop.entrypoints.rewards_lambda
print(*sorted({"aiobotocore", "aiohttp", "httpx", "litestar", "redis", "urllib3", "yaml"} & set(sys.modules)))
"""


@pytest.mark.parametrize("role", ["consumer", "relay", "jobs"])
def test_a_function_that_answers_nobody_loads_neither_the_sdk_nor_the_web(role):
    environ = {
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_REGION": "eu-west-1",
        "AWS_SECRET_ACCESS_KEY": "b",
        "PATH": os.defpath,
        "SHOP_STACK": "shop",
    }

    done = subprocess.run([sys.executable, "-c", LOADED, role], capture_output=True, text=True, check=True, env=environ)

    assert done.stdout.split() == []


@pytest.mark.parametrize(("given", "kind"), [(True, JsonClient), (False, AioBaseClient)], ids=["there", "none"])
async def test_where_the_environment_holds_no_credentials_the_sdk_looks_for_them(monkeypatch, given, kind):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
        if given:
            monkeypatch.setenv(name, "something")
    aws = Aws(("dynamodb",), light=True)

    await aws.open()

    assert isinstance(aws.client("dynamodb"), kind)
    await aws.close()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_CONFIG_FILE", "/nowhere"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9"),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", "http://127.0.0.1:9"),
        ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"),
        ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
        ("AWS_USE_FIPS_ENDPOINT", "true"),
        ("HTTPS_PROXY", "http://127.0.0.1:9"),
        ("all_proxy", "http://127.0.0.1:9"),
        ("http_proxy", "http://127.0.0.1:9"),
        ("https_proxy", "http://127.0.0.1:9"),
    ],
)
async def test_what_only_the_sdk_heeds_is_left_to_it(monkeypatch, name, value):
    for known in ("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(known, "eu-west-1")

    async def kind():
        aws = Aws(("dynamodb",), light=True)
        await aws.open()
        found = type(aws.client("dynamodb"))
        await aws.close()
        return found

    monkeypatch.setenv(name, "")
    assert await kind() is JsonClient
    monkeypatch.setenv(name, value)
    assert issubclass(await kind(), AioBaseClient)


@pytest.mark.parametrize(
    ("region", "url"),
    [
        ("eu-west-1", "https://sqs.eu-west-1.amazonaws.com"),
        ("cn-north-1", "https://sqs.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "https://sqs.us-gov-west-1.amazonaws.com"),
    ],
)
def test_a_service_is_where_its_region_is(monkeypatch, region, url):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_REGION", region)

    assert JsonClient("sqs", CONFIG, CREDENTIALS).url == url


def test_without_a_region_it_says_so_as_the_sdk_does(monkeypatch):
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)

    with pytest.raises(NoRegionError):
        JsonClient("sqs", CONFIG, CREDENTIALS)


@pytest.mark.parametrize("kind", sorted({*TransientRetryableChecker._TRANSIENT_ERROR_CODES, *THROTTLED}))
async def test_whatever_the_sdk_tries_again_is_tried_again(answered, kind):
    client, sent = answered(says(400, {"__type": f"a#{kind}"}), GOOD)

    assert (await client.get_queue_url(QueueName="q"))["QueueUrl"] == "here"
    assert len(sent) == 2


async def test_what_passes_is_tried_again_and_what_stays_is_told(answered):
    client, sent = answered(says(503), says(400, {"__type": "a#ThrottlingException"}), GOOD)
    assert (await client.get_queue_url(QueueName="q"))["QueueUrl"] == "here"
    assert len(sent) == 3

    client, sent = answered(says(500, {"__type": "InternalFailure", "message": "no"}))
    with pytest.raises(ClientError, match=r"InternalFailure.*GetQueueUrl.*no"):
        await client.get_queue_url(QueueName="q")
    assert len(sent) == 3


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (says(400, {"__type": "com.amazonaws.sqs#ValidationException"}), "GetQueueUrl: ValidationException"),
        (says(403, {"__type": "AccessDeniedException:http://internal"}), "GetQueueUrl: AccessDeniedException"),
        (says(413), "GetQueueUrl: 413"),
        (Answered(400, {}, b"<html>"), "GetQueueUrl: 400"),
        (says(400, {"__type": "x#Y"}, **{"x-amzn-query-error": "AWS.Old.Name;Sender"}), "GetQueueUrl: AWS.Old.Name"),
    ],
)
async def test_what_is_refused_is_said_once_by_the_name_that_aws_gives_it(answered, answer, told):
    client, sent = answered(answer)

    with pytest.raises(ClientError) as refused:
        await client.get_queue_url(QueueName="q")

    assert why(refused.value) == told
    assert is_refused(refused.value) == ("Validation" in told or "413" in told)
    assert is_forbidden(refused.value) == ("Denied" in told)
    assert len(sent) == 1


@pytest.mark.parametrize("trace", [None, "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0"])
async def test_lambda_s_trace_goes_with_what_is_sent(answered, monkeypatch, trace):
    """By it Lambda finds functions that call themselves through a queue for ever."""
    monkeypatch.delenv("_X_AMZN_TRACE_ID", raising=False)
    client, sent = answered(GOOD)
    if trace:
        monkeypatch.setenv("_X_AMZN_TRACE_ID", trace)

    await client.get_queue_url(QueueName="q")

    [(headers, asked)] = sent
    assert headers.get("x-amzn-trace-id") == trace
    assert (headers["x-amz-target"], asked) == ("AmazonSQS.GetQueueUrl", {"QueueName": "q"})


@pytest.mark.aws
@pytest.mark.parametrize(
    ("service", "operation", "asked"),
    [
        ("dynamodb", "get_item", {"TableName": "nowhere", "Key": {"pk": {"S": "a"}, "sk": {"S": "b"}}}),
        ("sqs", "get_queue_url", {"QueueName": "nowhere"}),
        ("events", "describe_event_bus", {"Name": "nowhere"}),
    ],
)
async def test_what_is_not_there_is_named_as_the_sdk_names_it(on_aws, service, operation, asked):  # noqa: ARG001
    told = []
    for light in (False, True):
        aws = Aws((service,), light=light)
        await aws.open()
        with pytest.raises(ClientError) as refused:
            await getattr(aws.client(service), operation)(**asked)
        told.append((code(refused.value), refused.value.response["ResponseMetadata"]["HTTPStatusCode"]))
        await aws.close()

    assert told[0] == told[1]
    assert told[0][0]
