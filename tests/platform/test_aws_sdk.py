"""What loading the SDK loads, and leaves as it was: each in an interpreter of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def _told(code: str, **environ: str) -> list[str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("SSL_")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=ours | environ)
    return done.stdout.split()


def test_the_sdk_brings_no_second_transport_and_hides_none_afterwards():
    loaded = "any(name.split('.')[0] == 'httpx' for name in sys.modules)"

    told = _told(f"import sys, shop.platform.aws_sdk; print({loaded}); import httpx; print(httpx.__name__)")

    assert told == ["False", "httpx"]


def test_a_transport_that_is_loaded_already_stays():
    same = _told("import sys, httpx, shop.platform.aws_sdk; print(sys.modules['httpx'] is httpx)")

    assert same == ["True"]


@pytest.mark.parametrize("given", [{}, {"SSL_CERT_FILE": "/somewhere.pem"}], ids=["none", "one"])
def test_the_place_of_certificates_is_afterwards_what_it_was(given: dict[str, str]):
    code = (
        "import os, shop.platform.aws_sdk as _; print(os.environ.get('SSL_CERT_FILE'), os.environ.get('SSL_CERT_DIR'))"
    )

    assert _told(code, **given) == [given.get("SSL_CERT_FILE", "None"), "None"]


def test_aws_is_known_by_the_certificates_that_botocore_brings():
    """aiohttp's own contexts know none; those of a client do."""
    code = """
import asyncio, shop.platform.aws as aws
async def main():
    one = aws.Aws(("dynamodb",))
    await one.open()
    session = one.client("dynamodb")._endpoint.http_session
    connector = await session._create_connector(None)
    print(len(connector._ssl.get_ca_certs()) > 50)
    await connector.close()
    await one.close()
asyncio.run(main())
"""
    environ = {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}

    assert _told(code, **environ) == ["True"]
