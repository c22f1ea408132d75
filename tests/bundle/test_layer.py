"""The layer that a function's spans take: what it holds, and a function that begins with it and is seen."""

from __future__ import annotations

import base64
import socket
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from bundle import left_out
from bundle.__main__ import build
from bundle.functions import functions
from bundle.targets import LOCAL
from emulator.collector import Collector

MOST = 4_000_000  # bytes
ASKED = {
    "version": "2.0",
    "rawPath": "/nowhere",
    "headers": {"host": "shop.test", "traceparent": f"00-{'1' * 32}-{'a' * 16}-01"},
    "requestContext": {"http": {"method": "GET", "path": "/nowhere"}},
}


def test_it_holds_what_spans_take_and_nothing_that_the_zip_has():
    layer, zipped = left_out.of_the_layer(), left_out.of_the_zip()

    names = {line.partition("==")[0] for line in layer if "==" in line}
    assert {"opentelemetry-sdk", "protobuf", "requests"} <= names
    assert not names & {line.partition("==")[0] for line in zipped if "==" in line}


@pytest.fixture(scope="session")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("layer") / LOCAL.layer_name
    build(LOCAL, to=made, console=Console(quiet=True), layer=True)
    return made


@pytest.fixture
def daemon() -> Iterator[socket.socket]:
    """What Lambda runs beside a function."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(20)
        yield daemon


@pytest.mark.aws
def test_it_is_small_enough_and_stands_where_python_looks(layer: Path):
    with zipfile.ZipFile(layer) as packed:
        names = packed.namelist()

    assert layer.stat().st_size <= MOST
    assert {name.split("/")[0] for name in names} == {"python"}


@pytest.mark.aws
@pytest.mark.skipif(sys.platform != "linux", reason="AWS's client of the Runtime API is built for Linux")
def test_a_function_with_it_has_told_the_daemon_of_x_ray_what_it_did_when_it_answers(
    layer: Path, task: Path, tmp_path: Path, daemon: socket.socket, lambda_runtime
):
    both = tmp_path / "both"
    with zipfile.ZipFile(layer) as packed:
        packed.extractall(tmp_path / "opt")
    both.mkdir()
    for path in (*task.iterdir(), *(tmp_path / "opt" / "python").iterdir()):
        (both / path.name).symlink_to(path)
    one = next(one for one in functions() if one.name == "catalog-api")
    seen = {"OTEL_TRACES_EXPORTER": "xray", "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{daemon.getsockname()[1]}"}

    answer = lambda_runtime(one.handler, task=both, environ={**one.environ, **seen})(ASKED)

    collector = Collector()
    collector.receive(base64.b64decode(daemon.recv(65_536).partition(b"T1S")[2]))
    [asked] = collector.spans
    assert answer["statusCode"] == 404
    assert (asked.service, asked.name, asked.trace, asked.parent) == ("shop-catalog", "GET", "1" * 32, "a" * 16)
