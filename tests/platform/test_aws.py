"""The emulator is there while it is used, and Aws finds it by botocore's own environment."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from emulator.run import ROOT, running
from shop.platform.aws import Aws

pytestmark = pytest.mark.aws


async def test_clients_are_found_by_the_environment_and_closed_in_the_end(on_aws):
    aws = Aws(("dynamodb", "sqs"))
    await aws.open()

    tables = await aws.client("dynamodb").list_tables()
    client = aws.client("sqs")
    await aws.close()

    assert "TableNames" in tables
    assert client.meta.endpoint_url == on_aws.url
    with pytest.raises(KeyError):
        aws.client("sqs")


@pytest.mark.usefixtures("on_aws")
async def test_only_services_that_were_named_can_be_asked():
    aws = Aws(("dynamodb",))
    await aws.open()

    with pytest.raises(KeyError):
        aws.client("events")
    with pytest.raises(KeyError):
        Aws(("s3",))

    await aws.close()


def test_nothing_is_left_of_an_emulator_that_was_used():
    with running() as one:
        assert one.folder.exists()
        assert one.url.startswith("http://127.0.0.1:")

    assert not one.folder.exists()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(one.url, timeout=5)


def test_an_emulator_ends_with_who_began_it_even_if_that_is_killed(tmp_path):
    begin = "import emulator.run as e, time\nwith e.running() as one: print(one.url, flush=True); time.sleep(600)"
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", begin], env=environ, stdout=subprocess.PIPE, text=True) as parent:
        url = parent.stdout.readline().strip()
        assert _answers(url)

        parent.kill()
        parent.wait()

    until = time.monotonic() + 30
    while _answers(url):
        assert time.monotonic() < until


def _answers(url):
    try:
        urllib.request.urlopen(f"{url}/_ministack/health", timeout=5).close()
    except OSError:
        return False
    return True
