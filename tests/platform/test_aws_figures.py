"""Calls of AWS are counted by how they ended, those that found nobody too."""

from __future__ import annotations

import asyncio

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError

from emulator.tables import create
from shop.platform.aws import Aws
from shop.platform.aws_figures import result_of
from shop.platform.figures import Figures
from shop.platform.storage.dynamodb_schema import table
from shop.platform.storage.port import Layout

PARCELS = Layout(context="parcels")


@pytest.fixture(params=[False, True], ids=["sdk", "ours"])
async def counted(request, on_aws, stack):  # noqa: ARG001 - it is found by the environment
    figures = Figures()
    aws = Aws(("dynamodb",), light=request.param, figures=figures)
    await aws.open()
    await create(aws.client("dynamodb"), [table(PARCELS, stack=stack)])

    def read(name):
        return {
            labels[1:]: sum(getattr(value, "buckets", [value]))
            for metric, labels, value in figures.read()
            if metric.name == name and labels[1] not in {"CreateTable", "UpdateTimeToLive"}
        }

    yield aws.client("dynamodb"), f"{stack}-parcels", read
    await aws.close()


@pytest.mark.aws
async def test_a_call_is_counted_by_its_operation_and_how_it_ended(counted):
    dynamodb, name, read = counted
    item = {"pk": {"S": "a"}, "sk": {"S": "b"}}
    put = {"TableName": name, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}

    await dynamodb.put_item(**put)
    for asked in (dynamodb.put_item(**put), dynamodb.transact_write_items(TransactItems=[{"Put": put}])):
        with pytest.raises(ClientError):
            await asked
    with pytest.raises(ClientError):
        await dynamodb.get_item(TableName="nowhere", Key=item)

    assert read("shop_aws_calls") == {
        ("PutItem", "done"): 1,
        ("PutItem", "refused"): 1,
        ("TransactWriteItems", "refused"): 1,
        ("GetItem", "wrong"): 1,
    }
    assert read("shop_aws_call_seconds") == {("PutItem",): 2, ("TransactWriteItems",): 1, ("GetItem",): 1}


@pytest.fixture(params=[False, True], ids=["sdk", "ours"])
async def asked_at(request, monkeypatch):
    """Ask whoever is at a port for an item; how that was counted."""

    async def ask(port, *, gone=None):
        there = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_DEFAULT_REGION": "eu-central-1"}
        for key, value in (there | {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}).items():
            monkeypatch.setenv(key, value)
        figures = Figures()
        aws = Aws(("dynamodb",), light=request.param, figures=figures)
        await aws.open()
        asked = aws.client("dynamodb").get_item(TableName="t", Key={"pk": {"S": "a"}, "sk": {"S": "b"}})
        asking = asyncio.create_task(asked)
        if gone:
            await gone.wait()
            asking.cancel()
        await asyncio.wait([asking])
        await aws.close()
        [call] = [labels for metric, labels, _ in figures.read() if metric.name == "shop_aws_calls"]
        return call, None if asking.cancelled() else type(asking.exception())

    return ask


async def test_a_call_that_finds_nobody_is_unreached(asked_at):
    assert await asked_at(9) == (("dynamodb", "GetItem", "unreached"), EndpointConnectionError)


async def test_a_call_that_is_broken_off_is_unanswered(asked_at):
    async def hang_up(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        told = await asked_at(server.sockets[0].getsockname()[1])

    assert told == (("dynamodb", "GetItem", "unanswered"), ConnectionClosedError)


async def test_a_call_that_nobody_waits_for_is_unanswered(asked_at):
    heard = asyncio.Event()

    async def listen(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        heard.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        told = await asked_at(server.sockets[0].getsockname()[1], gone=heard)

    assert told == (("dynamodb", "GetItem", "unanswered"), None)


@pytest.mark.parametrize(
    ("code", "reasons", "status", "result"),
    [
        ("ConditionalCheckFailedException", [], 400, "refused"),
        ("TransactionCanceledException", ["None", "ConditionalCheckFailed"], 400, "refused"),
        ("TransactionCanceledException", ["TransactionConflict", "None"], 400, "conflict"),
        ("TransactionConflictException", [], 400, "conflict"),
        ("TransactionCanceledException", ["ProvisionedThroughputExceeded"], 400, "throttled"),
        ("TransactionCanceledException", ["ThrottlingError"], 400, "throttled"),
        ("ThrottlingException", [], 400, "throttled"),
        ("RequestLimitExceeded", [], 400, "throttled"),
        ("InternalServerError", [], 500, "fault"),
        ("ValidationException", [], 400, "wrong"),
    ],
)
def test_how_a_call_ended_is_told_by_what_aws_answers(code, reasons, status, result):
    told = {"Error": {"Code": code}, "CancellationReasons": [{"Code": reason} for reason in reasons]}
    error = ClientError({**told, "ResponseMetadata": {"HTTPStatusCode": status}}, "PutItem")

    assert result_of(error) == result
