"""The feed's function is seen in X-Ray as the others are: what it is asked, and what it asks."""

from __future__ import annotations

import base64
import socket
import subprocess
import sys
from datetime import timedelta

import pytest

from bundle.functions import functions
from emulator import tables
from emulator.collector import Collector
from shop.kernel.clock import system_clock
from shop.platform.storage import dynamodb_schema
from shop.platform.tokens import Tokens

pytestmark = pytest.mark.aws

KEY = "j" * 40
ASK = """
import sys
from shop.entrypoints.feed_lambda import handler
head = {"authorization": f"Bearer {sys.argv[1]}", "traceparent": sys.argv[2]}
asked = {"rawPath": "/events", "headers": head, "requestContext": {"http": {"method": "GET", "sourceIp": "192.0.2.1"}}}
print(handler(asked, None)["statusCode"])
"""


@pytest.fixture
def daemon():
    """What Lambda runs beside a function."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(20)
        yield daemon


@pytest.fixture
async def log(aws, stack):
    await tables.create(aws.client("dynamodb"), [dynamodb_schema.log_table(stack=stack)])


@pytest.mark.usefixtures("log")
def test_a_page_of_events_is_in_its_callers_trace_with_each_question_to_dynamodb(on_aws, stack, daemon):
    token = Tokens(KEY, clock=system_clock).sign(subject="clerk", role="staff", lifetime=timedelta(minutes=5))
    [feed] = [one for one in functions() if one.name == "feed"]
    seen = {"OTEL_TRACES_EXPORTER": "xray", "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{daemon.getsockname()[1]}"}
    own = {"SHOP_STACK": stack, "SHOP_JWT_KEY": KEY}

    told = subprocess.run(
        [sys.executable, "-c", ASK, token, f"00-{'1' * 32}-{'a' * 16}-01"],
        env={**feed.environ, **on_aws.environ, **own, **seen},
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.stdout.splitlines()[-1:] == ["200"], told.stderr
    collector = Collector()
    collector.receive(base64.b64decode(daemon.recv(65_536).partition(b"T1S")[2]))
    [asked] = collector.of("GET /events")
    assert (asked.service, asked.trace, asked.parent) == (f"{stack}-feed", "1" * 32, "a" * 16)
    assert {one.name for one in collector.spans if one.parent == asked.id} == {"DynamoDB.Query"}
