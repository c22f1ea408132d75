"""Calls of AWS are counted by how they ended, those that found nobody too."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

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


@pytest.mark.parametrize("light", [False, True])
async def test_a_call_that_finds_nobody_is_counted_too(light, monkeypatch):
    nobody = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_DEFAULT_REGION": "eu-central-1"}
    for key, value in (nobody | {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}).items():
        monkeypatch.setenv(key, value)
    figures = Figures()
    aws = Aws(("dynamodb",), light=light, figures=figures)
    await aws.open()
    with pytest.raises(EndpointConnectionError):
        await aws.client("dynamodb").get_item(TableName="t", Key={"pk": {"S": "a"}, "sk": {"S": "b"}})
    await aws.close()

    [call] = [labels for metric, labels, _ in figures.read() if metric.name == "shop_aws_calls"]
    assert call == ("dynamodb", "GetItem", "unreached")


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
