"""One context by itself: what each of its functions makes of an event, and how a server that cannot begin says so."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from datetime import timedelta
from types import SimpleNamespace

import httpx
import pytest
from click.testing import CliRunner
from structlog.testing import capture_logs

from shop.entrypoints.alone import SWEEP, handler
from shop.entrypoints.cli import cli
from shop.entrypoints.orders_alone import OrdersAlone
from shop.entrypoints.reading_the_catalog import ORIGIN, network_to, second_layer
from shop.kernel.clock import system_clock
from shop.platform.bus import Job
from shop.platform.container_aws import Role
from shop.platform.event_figures import EventFigures
from shop.platform.figures import Figures
from shop.platform.http.client import Client
from shop.platform.http.lambda_transport import LambdaTransport
from shop.platform.http.telling import Telling
from shop.platform.settings import WrongSetting, read_settings
from shop.platform.storage.port import Conflict

KEYS = {"SHOP_JWT_KEY": "j" * 40, "SHOP_PAYMENT_SECRETS": "p" * 40}
ON_AWS = {**KEYS, "SHOP_STORAGE": "dynamodb"}
NOWHERE = {
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_SECRET_ACCESS_KEY": "nothing",
}


class Fake:
    """AWS: notes what it is asked, and answers with what every call is content with."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict]] = []
        self.opened = 0
        self.failing = False

    async def open(self) -> None:
        self.opened += 1

    def client(self, _: str) -> Fake:
        return self

    def __getattr__(self, name: str):
        async def call(**asked):
            self.calls.append((name, asked))
            if self.failing:
                raise TimeoutError
            entries = [{"EventId": "1"} for _ in asked.get("Entries", ())]
            return {"QueueUrl": "http://q", "Items": [], "Entries": entries, "UnprocessedItems": {}}

        return call


@pytest.fixture
def begin():
    """The function of a context that hears of parcels, in this role; AWS is a fake, reactions and jobs are given."""
    begun = []

    def of(role: str, *, reactions=None, jobs=None):
        aws, figures = Fake(), Figures(keeps=True)
        watcher = EventFigures(figures, business={}, clock=system_clock)

        def house(*, settings, role):
            return SimpleNamespace(
                settings=lambda: settings,
                role=role,
                name=lambda: "parcels",
                reader=lambda: None,
                keys=lambda: ("SHOP_JWT_KEY",),
                platform=SimpleNamespace(
                    aws=lambda: aws,
                    clock=lambda: system_clock,
                    figures=lambda: figures,
                    watcher=lambda: watcher,
                    tracing=lambda: None,
                ),
                context=SimpleNamespace(
                    reactions=lambda: SimpleNamespace(table=lambda: reactions or {}),
                    jobs=lambda: SimpleNamespace(table=lambda: jobs or {}),
                ),
            )

        begun.append(handler(house, environ={**ON_AWS, "SHOP_ROLE": role}))
        return begun[-1], aws

    yield of
    for one in begun:
        one._loop.close()
    asyncio.set_event_loop(None)


def record(n: int, kind: str = "parcel.sent") -> dict:
    event = {"id": f"evt_{n}", "type": kind, "source": "/shop/parcels", "subject": f"parcel_{n}", "specversion": "1.0"}
    event |= {"dataschema": "urn:x", "time": "2026-11-23T04:00:00.000000Z", "data": {"n": n}}
    return {
        "messageId": f"m{n}",
        "receiptHandle": f"r{n}",
        "body": json.dumps({"detail-type": kind, "detail": event}),
        "attributes": {"ApproximateReceiveCount": "1"},
    }


@pytest.mark.parametrize("role", ["", "server", "API", "cook"])
def test_a_role_that_is_none_is_refused_with_those_there_are(begin, role):
    with pytest.raises(WrongSetting, match=rf"SHOP_ROLE={role} is not allowed: give one of api, consumer, relay, jobs"):
        begin(role)


def test_who_answers_is_given_the_keys_that_others_sign_with():
    with pytest.raises(WrongSetting, match="SHOP_JWT_KEY and SHOP_PAYMENT_SECRETS: give what every process"):
        handler(OrdersAlone, environ={"SHOP_STORAGE": "dynamodb", "SHOP_ROLE": "api"})


def test_a_consumer_tells_lambda_which_messages_failed(begin):
    heard = []

    async def hear(envelope, cause):
        if envelope.id == "evt_2":
            raise ValueError("poison")
        heard.append((envelope.id, cause.delivery.consumer))

    consume, aws = begin("consumer", reactions={"parcel.sent": hear})
    with capture_logs():
        told = consume({"Records": [record(1), record(2), record(3)]}, None)

    assert told == {"batchItemFailures": [{"itemIdentifier": "m2"}]}
    assert sorted(heard) == [("evt_1", "parcels"), ("evt_3", "parcels")]
    assert aws.opened == 1


def test_a_relay_publishes_what_was_inserted_and_raises_if_it_cannot(begin):
    event = json.loads(record(1)["body"])["detail"]
    image = {"pk": {"S": "outbox#3"}, "sk": {"S": "evt_1"}, "body": {"S": json.dumps(event)}}
    told = {"eventName": "INSERT", "dynamodb": {"Keys": {"pk": image["pk"], "sk": image["sk"]}, "NewImage": image}}
    passed_over = {"eventName": "REMOVE", "dynamodb": {"Keys": told["dynamodb"]["Keys"]}}
    relay, aws = begin("relay")

    relay({"Records": [told, passed_over]}, None)

    [(_, put)] = [call for call in aws.calls if call[0] == "put_events"]
    assert [(entry["Source"], entry["DetailType"]) for entry in put["Entries"]] == [("shop.parcels", "parcel.sent")]
    aws.failing = True
    relay({"Records": [told]}, None)  # again, though it has passed it on
    another = json.loads(json.dumps(told).replace("evt_1", "evt_2"))
    with capture_logs(), pytest.raises(Exception, match="1 of 2 events are not published"):
        relay({"Records": [told, another]}, None)


def test_a_job_is_run_by_its_name_and_again_when_others_overtake_it(begin):
    ran = []

    async def expire(cause):
        ran.append(cause.id)
        if len(ran) == 1:
            raise Conflict({"order/1"})

    run, _ = begin("jobs", jobs={"expire-orders": Job(every=timedelta(minutes=1), run=expire)})
    run({"job": "expire-orders"}, None)

    assert ran == ["job_expire-orders", "job_expire-orders"]


def test_the_platforms_own_job_sweeps_the_outbox(begin):
    run, aws = begin("jobs")

    run({"job": SWEEP}, None)

    assert {call[0] for call in aws.calls} == {"query"}
    assert len(aws.calls) == 16


def test_a_job_that_is_not_there_is_an_error(begin):
    run, _ = begin("jobs")

    with pytest.raises(KeyError, match="tidy-up"):
        run({"job": "tidy-up"}, None)


# How orders finds the catalog


def settings_of(tmp_path, **more: str):
    return read_settings({**ON_AWS, "SHOP_DATA": str(tmp_path), **more})


@pytest.mark.parametrize(
    ("role", "kind", "sleeps"),
    [
        (Role.API, Client, True),
        (Role.SERVER, Client, False),
        (Role.CONSUMER, Telling, True),
        (Role.JOBS, Telling, True),
    ],
)
def test_who_answers_reads_the_catalog_and_who_only_hears_tells_of_changes(tmp_path, role, kind, sleeps):
    settings = settings_of(tmp_path, SHOP_REDIS_URL="redis://127.0.0.1:9/0", SHOP_CATALOG_URL="http://127.0.0.1:9")

    house = OrdersAlone(settings=settings, role=role)

    assert type(house.context.catalog_client()) is kind
    assert house.shared()._sleeps is sleeps


async def test_the_catalog_is_a_server_or_a_function(tmp_path):
    asked = []
    function, base = network_to(settings_of(tmp_path, SHOP_CATALOG_URL="lambda:shop-catalog-api"), asked.append)
    server, address = network_to(settings_of(tmp_path, SHOP_CATALOG_URL="https://shop.example/catalog/"), asked.append)

    assert (type(function), function.function, base) == (LambdaTransport, "shop-catalog-api", ORIGIN)
    assert (type(server), address) == (httpx.AsyncHTTPTransport, "https://shop.example/catalog")
    assert asked == ["lambda"]


def test_without_a_redis_nothing_is_shared_and_a_wrong_one_is_refused_by_name(tmp_path):
    assert second_layer(settings_of(tmp_path)) is None
    with pytest.raises(WrongSetting, match="SHOP_REDIS_URL"):
        second_layer(settings_of(tmp_path, SHOP_REDIS_URL="redis://127.0.0.1:port/0"))


@pytest.mark.parametrize("name", ["catalog", "orders", "rewards"])
def test_a_server_of_one_context_loads_nothing_of_the_others_but_their_contracts(name):
    code = f"import sys; from shop.entrypoints.alone_server import _kind; _kind({name!r}); print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    others = {f"shop.{one}" for one in {"catalog", "orders", "rewards"} - {name}}

    found = {one for one in told.stdout.split() if ".".join(one.split(".")[:2]) in others}

    assert found <= {one for other in others for one in (other, f"{other}.contract")}
    assert f"shop.{name}.container" in told.stdout.split()


# A server that cannot begin


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """`shop serve` with nothing in its environment but what is said."""
    for name in [one for one in os.environ if one.startswith(("AWS_", "SHOP_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("SHOP_DATA", str(tmp_path / "data"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])

    def run(*words: str, **environ: str):
        result = CliRunner().invoke(cli, ["serve", "--port", port, *words], prog_name="shop", env=environ)
        assert (result.exit_code, result.stdout) == (1, ""), result.stderr
        assert result.stderr.count("\n") == 1, result.stderr
        return result.stderr

    return run


CATALOG = ("--context", "catalog")
ORDERS = ("--context", "orders")


@pytest.mark.parametrize(
    ("words", "environ", "told"),
    [
        (CATALOG, KEYS, "--context needs SHOP_STORAGE=dynamodb"),
        ((*CATALOG, "--demo"), ON_AWS | NOWHERE, "leave it out, or leave out --context"),
        ((), ON_AWS | NOWHERE, "serve one of them with --context"),
        (CATALOG, {"SHOP_STORAGE": "dynamodb"} | NOWHERE, "SHOP_JWT_KEY: give what every process"),
        (ORDERS, {"SHOP_STORAGE": "dynamodb"} | NOWHERE, "SHOP_JWT_KEY and SHOP_PAYMENT_SECRETS: give what every"),
        (ORDERS, ON_AWS | NOWHERE, "SHOP_REDIS_URL is missing"),
        (ORDERS, ON_AWS | NOWHERE | {"SHOP_REDIS_URL": "redis://127.0.0.1:9/0"}, "SHOP_CATALOG_URL is missing"),
        (CATALOG, ON_AWS | NOWHERE, "AWS is out of reach (EndpointConnectionError"),
        (CATALOG, ON_AWS | {k: v for k, v in NOWHERE.items() if "REGION" not in k}, "set AWS_DEFAULT_REGION"),
        (CATALOG, ON_AWS | NOWHERE | {"AWS_ENDPOINT_URL": "nonsense"}, "AWS_ENDPOINT_URL is no address"),
        (
            CATALOG,
            ON_AWS | {k: v for k, v in NOWHERE.items() if "KEY" not in k},
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
        ),
        (CATALOG, ON_AWS | NOWHERE | {"AWS_PROFILE": "nobody"}, "or AWS_PROFILE"),
    ],
)
def test_a_server_that_cannot_begin_says_why_and_what_to_do_in_one_line(serve, words, environ, told):
    assert told in serve(*words, **environ)


@pytest.mark.aws
def test_a_stack_that_is_not_there_is_said_at_once_with_its_name(serve, on_aws):
    told = serve(*CATALOG, **ON_AWS, **on_aws.environ, SHOP_STACK="elsewhere")

    assert "there is no stack elsewhere here" in told
    assert "make deploy STACK=elsewhere" in told
    assert "SHOP_STACK" in told
