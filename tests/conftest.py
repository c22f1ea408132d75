"""What every test may use: a clock that is turned by hand, and apps that keep to their document."""

from __future__ import annotations

import fcntl
import itertools
import json
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import botocore.session
import httpx
import jsonschema_rs
import pytest
import structlog
from rich.console import Console
from structlog._config import BoundLoggerLazyProxy

from bundle.__main__ import build
from bundle.targets import LOCAL
from emulator.hooks import hook
from emulator.run import Emulator, running
from emulator.wire import Wire
from parity.topology import ONE_PROCESS, TOPOLOGIES
from shop.platform.aws import Aws
from shop.platform.storage.dynamodb_schema import table
from shop.platform.storage.port import Layout

collect_ignore = [] if find_spec("playwright") else ["browser"]  # `make test-browser` installs it


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--topology", default=ONE_PROCESS, choices=TOPOLOGIES, help="where journeys are run")
    parser.addoption("--transcripts", default="", help="folder for what journeys with the mark `parity` come to")


_stacks = itertools.count()  # of this worker, whose emulator is its own


@dataclass
class HandClock:
    """A clock that stands still until it is moved."""

    now: datetime = field(default=datetime(2026, 11, 23, 4, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def forward(self, by: timedelta) -> None:
        self.now += by


@pytest.fixture(autouse=True)
def logs() -> Iterator[None]:
    """What a test sets up ends with it: loggers that were used meanwhile would keep it for ever."""
    yield
    if structlog.is_configured():
        structlog.reset_defaults()
        for module in [module for name, module in sys.modules.items() if name.startswith("shop.")]:
            if isinstance(log := vars(module).get("log"), BoundLoggerLazyProxy):
                vars(log).pop("bind", None)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@dataclass
class Documented:
    """An app whose every answer is compared with the document that it gives of itself, or the first app of its name."""

    app: Any
    name: str
    documents: dict[str, dict[str, Any]]

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        told: dict[str, Any] = {"body": b""}

        async def listening(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                told.update(status=message["status"], headers=dict(message["headers"]))
            told["body"] += message.get("body", b"")
            await send(message)

        await self.app(scope, receive, listening)
        if told["status"] >= 400 and scope["method"] != "HEAD":
            assert told["headers"][b"content-type"] == b"application/problem+json", told
        if "path_template" in scope and scope["method"] not in {"HEAD", "OPTIONS"}:
            self.check(scope, await self.document(), **told)

    def check(
        self, scope: dict[str, Any], document: dict[str, Any], status: int, headers: dict[bytes, bytes], body: bytes
    ) -> None:
        template = re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: "{" + _camel(found[1]) + "}", scope["path_template"])
        call = f"{scope['method']} {template}"
        if template not in document["paths"]:
            assert template.startswith(("/docs", "/console")), f"{call} is not in the document"
            return
        answers = document["paths"][template][scope["method"].lower()]["responses"]
        assert str(status) in answers, f"{call} answered {status}, which its opt=answers(…) does not say: {body!r}"
        answer = answers[str(status)]
        missing = {name for name, header in answer.get("headers", {}).items() if header["required"]} - {
            name for name in answer.get("headers", {}) if name.lower().encode() in headers
        }
        assert not missing, f"{call} answered {status} without {missing}"
        for content_type, content in answer.get("content", {}).items():
            assert headers[b"content-type"].decode().startswith(content_type), f"{call}: {headers}"
            if content_type.endswith("json"):
                schema = {**content["schema"], "components": document["components"]}
                fault = jsonschema_rs.Draft202012Validator(schema).iter_errors(json.loads(body))
                assert not [f"{call} answered {status}: {one.message}" for one in fault]

    async def document(self) -> dict[str, Any]:
        if self.name not in self.documents:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://shop") as http:
                self.documents[self.name] = (await http.get("/docs/openapi.json")).json()
        return self.documents[self.name]


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.title, rest))


@pytest.fixture(scope="session")
def topology(request: pytest.FixtureRequest) -> str:
    """Where journeys are run."""
    return str(request.config.getoption("--topology"))


@pytest.fixture(scope="session")
def documented() -> Callable[[Any, str], Documented]:
    """Wraps an app of this name: an answer that its document does not foresee fails the test."""
    documents: dict[str, dict[str, Any]] = {}
    return lambda app, name: Documented(app, name, documents)


class _Between:
    def __init__(self, port: Any, read: str, act: Callable[[], Awaitable[None]]) -> None:
        self._port, self._read, self._act = port, read, act
        self._acted = False

    def __getattr__(self, name: str) -> Any:
        if name != self._read or self._acted:
            return getattr(self._port, name)
        self._acted = True

        async def read(*what: Any) -> Any:
            found = await getattr(self._port, name)(*what)
            await self._act()
            return found

        return read


@pytest.fixture(scope="session")
def between() -> Callable[..., Any]:
    """Of a port, a read and an act: the port, but that after its first such read somebody else acts."""
    return _Between


@pytest.fixture(scope="session")
def local_zip(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The zip for this Python: made once, whoever of the tests' processes comes first."""
    base = tmp_path_factory.getbasetemp()
    folder = base if worker_id == "master" else base.parent
    with (folder / "zip.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = folder / LOCAL.file_name
        if not made.exists():
            build(LOCAL, to=made, console=Console(quiet=True))
        return made


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """AWS, one for all tests of a worker, which keep apart by `stack`. They bear the mark `aws`."""
    with running() as begun:
        yield begun


@pytest.fixture
def on_aws(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """The emulator, which clients of this process find for as long as the test takes."""
    for name, value in emulator.environ.items():
        monkeypatch.setenv(name, value)
    return emulator


@pytest.fixture
def light() -> bool:
    """Whether `aws` does without the SDK; the platform's own tests are run with it and without."""
    return False


@pytest.fixture
async def aws(on_aws: Emulator, light: bool) -> AsyncIterator[Aws]:  # noqa: ARG001, FBT001 - it is found by the environment
    """Clients of the emulator."""
    services = ("dynamodb", "events", "sqs")
    opened = Aws(services, light=light)
    await opened.open()
    for service in services if light else ():
        hook(opened.client(service), service)
    yield opened
    await opened.close()


@pytest.fixture
def stack() -> str:
    """A name for what a test has on AWS, which no other test has."""
    return f"shop{next(_stacks)}"


@pytest.fixture
def wire(aws: Aws) -> Wire:
    """What is sent to DynamoDB by `aws`, and faults to meet there."""
    return Wire(aws.client("dynamodb"))


@pytest.fixture(scope="session")
def plain_dynamodb(emulator: Emulator) -> Any:
    """A client that blocks, to make tables and to look behind the engine."""
    given = emulator.environ
    return botocore.session.get_session().create_client(
        "dynamodb",
        endpoint_url=emulator.url,
        region_name=given["AWS_DEFAULT_REGION"],
        aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
    )


@pytest.fixture
def tables_of(plain_dynamodb: Any, stack: str) -> Iterator[Callable[[list[Layout]], None]]:
    """Makes the tables of these layouts; they are gone after the test."""
    made: list[str] = []

    def make(layouts: list[Layout]) -> None:
        for layout in layouts:
            wanted = table(layout, stack=stack)
            plain_dynamodb.create_table(**wanted["CreateTable"])
            plain_dynamodb.update_time_to_live(**wanted["UpdateTimeToLive"])
            made.append(wanted["CreateTable"]["TableName"])

    yield make
    for name in made:
        plain_dynamodb.delete_table(TableName=name)
