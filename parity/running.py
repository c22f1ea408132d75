"""A shop whose contexts are apart from each other: begun once, and visited by one journey after another."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import structlog
from botocore.session import get_session  # type: ignore[import-untyped]

from bundle.targets import TARGETS
from emulator.run import REGION, ROOT, Emulator
from emulator.run import running as emulated
from infra.deployment import SERVICES, Deployment
from infra.template import FILE, shared
from parity import way
from parity.servers import PATHS, three_servers
from parity.stack import CONTEXTS, Stack
from parity.topology import JWT_KEY, PAYMENT_SECRET, SERVERS
from shop.entrypoints.reading_the_catalog import ORIGIN
from shop.platform.aws import Aws
from shop.platform.http.redis_layer import RedisLayer
from torture.server import HOST
from torture.valkey import begun as valkey_begun

log = structlog.get_logger("parity")

_NAME = "shop"
_ENVIRONMENTS = 4  # of one function, at once: each is a process that loads for a second
_CONSUMERS = 2  # of one context; the template has up to 50 for a full queue, and here they would all begin at once
_SERVICES = ("dynamodb", "sqs", "events")


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """It answers."""

    emulator: Emulator
    redis_url: str
    client: Callable[..., httpx.AsyncClient]  # `at_once`: requests of it under way; more wait

    @asynccontextmanager
    async def visited(self) -> AsyncIterator[Stack]:
        """What it has on AWS."""
        aws = Aws(_SERVICES)
        cache = RedisLayer(self.redis_url, origin=ORIGIN, now=time.monotonic, nonce=partial(secrets.token_hex, 8))
        await aws.open()
        try:
            yield Stack(aws=aws, name=_NAME, cache=cache)
        finally:
            await cache.close()
            await aws.close()


@contextmanager
def began(
    topology: str,
    folder: Path,
    *,
    auth: bool = False,
    settings: Mapping[str, str] | None = None,
    code: Path | None = None,
) -> Iterator[Running]:
    """On an emulator of its own. `auth`: permissions are checked; `settings`: besides those it needs, or parameters of
    the template; `code`: the zip of the functions, if not the one in `dist`.
    """
    with ExitStack() as stack:
        valkey = stack.enter_context(valkey_begun(folder))
        emulator = stack.enter_context(emulated(auth=auth))
        stack.enter_context(_environment(emulator.environ))
        if topology == SERVERS:
            client = stack.enter_context(_servers(folder, emulator, valkey.url, settings or {}))
        else:
            client = stack.enter_context(_functions(valkey.url, settings or {}, code or _zip()))
        yield Running(emulator=emulator, redis_url=valkey.url, client=client)


@contextmanager
def _servers(
    folder: Path, emulator: Emulator, redis_url: str, settings: Mapping[str, str]
) -> Iterator[Callable[..., httpx.AsyncClient]]:
    """On the tables, the bus and the queues of the template, without its functions."""
    _deployment().deploy(stack=_NAME, template=shared(), code=Path(__file__), parameters={})
    keys = {"SHOP_JWT_KEY": JWT_KEY, "SHOP_PAYMENT_SECRETS": PAYMENT_SECRET, "SHOP_REDIS_URL": redis_url}
    own = {**keys, "SHOP_STACK": _NAME, "SHOP_LOG": "warning", **settings}
    with three_servers(folder, emulator=emulator, settings=own) as servers:
        urls = {context: f"http://{HOST}:{server.port}" for context, server in servers.items()}
        yield partial(way.client, lambda first: urls[PATHS.get(first, "orders")], at_once=64)


@contextmanager
def _functions(redis_url: str, parameters: Mapping[str, str], code: Path) -> Iterator[Callable[..., httpx.AsyncClient]]:
    """The whole template, with the zip for the emulator's interpreter, which waits for a line of each event."""
    deployment = _deployment()
    secret = {"jwtKey": JWT_KEY, "paymentSecrets": PAYMENT_SECRET, "redisToken": "r" * 32}
    deployment.clients["secretsmanager"].create_secret(Name=f"{_NAME}/shop", SecretString=json.dumps(secret))
    outputs = deployment.deploy(
        stack=_NAME,
        template=FILE.read_text(),
        code=code,
        parameters={"RedisUrl": redis_url, "LogLevel": "debug", **parameters},
    )
    functions = get_session().create_client("lambda")
    for context in CONTEXTS:
        functions.put_function_concurrency(
            FunctionName=f"{_NAME}-{context}-consumer", ReservedConcurrentExecutions=_CONSUMERS
        )
    api = outputs["Url"].split("//")[1].split(".")[0]
    url = f"{os.environ['AWS_ENDPOINT_URL']}/_aws/execute-api/{api}/$default"
    yield partial(way.client, lambda _: url, at_once=_ENVIRONMENTS)


def _zip() -> Path:
    """What `make lambda` makes, for the interpreter of the emulator."""
    path = ROOT / "dist" / TARGETS["local"].file_name
    if not path.exists():
        raise RuntimeError(f"there is no {path.name}: `python -m bundle --target local` makes it")
    return path


def _deployment() -> Deployment:
    session = get_session()
    clients = {service: session.create_client(service) for service in SERVICES}
    return Deployment(clients=clients, region=REGION, tell=log.debug, look_every=0.05)


@contextmanager
def _environment(environ: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
