"""Calls of AWS, in the traces that they are made for."""

from __future__ import annotations

import msgspec
import pytest
from botocore.exceptions import ClientError

from shop.platform.tracing.sdk import TracedAws

FIRST, SECOND = f"00-{'1' * 32}-{'a' * 16}-01", f"00-{'2' * 32}-{'b' * 16}-01"


class Sdk:
    """Clients that answer, or refuse."""

    exceptions = "not a call"
    error: Exception | None = None

    def client(self, _):
        return self

    def __getattr__(self, name):
        async def call(**asked):
            if self.error:
                raise self.error
            return name, asked

        return call


@pytest.fixture
def sdk():
    return Sdk()


@pytest.fixture
def aws(sdk, tracing):
    return TracedAws(sdk, tracing)


async def test_a_call_in_a_trace_is_a_span_of_it(aws, tracing, seen):
    with tracing.span("act"):
        answer = await aws.client("dynamodb").get_item(TableName="shop-orders", Key={"pk": {"S": "customer/ann"}})

    [call], [act] = seen("DynamoDB.GetItem"), seen("act")
    assert answer == ("get_item", {"TableName": "shop-orders", "Key": {"pk": {"S": "customer/ann"}}})
    assert (call.parent, call.kind) == (act.id, "CLIENT")
    assert call.attributes == {
        "rpc.system.name": "aws-api",
        "rpc.method": "DynamoDB/GetItem",
        "db.system.name": "aws.dynamodb",
        "db.operation.name": "GetItem",
        "db.collection.name": "shop-orders",
        "aws.dynamodb.table_names": ["shop-orders"],
    }


async def test_a_call_that_nobody_waits_for_is_none(aws, seen):
    await aws.client("dynamodb").get_item(TableName="shop-orders")

    assert seen() == []


async def test_a_transaction_names_its_tables(aws, tracing, seen):
    items = [{"Put": {"TableName": "a"}}, {"Update": {"TableName": "b"}}, {"Put": {"TableName": "a"}}]
    with tracing.span("act"):
        await aws.client("dynamodb").transact_write_items(TransactItems=items)

    assert seen("DynamoDB.TransactWriteItems")[0].attributes["aws.dynamodb.table_names"] == ["a", "b"]


async def test_events_are_put_in_the_trace_of_the_first_with_links_to_the_others(aws, seen):
    details = [{"traceparent": FIRST}, {"traceparent": SECOND}, {"traceparent": FIRST}, {}]
    await aws.client("events").put_events(Entries=[{"Detail": msgspec.json.encode(one).decode()} for one in details])

    [call] = seen("EventBridge.PutEvents")
    assert (call.trace, call.parent, call.links) == ("1" * 32, "a" * 16, ("b" * 16,))


async def test_a_refusal_is_told_by_its_name(aws, sdk, tracing, seen):
    sdk.error = ClientError({"Error": {"Code": "ThrottlingException", "Message": "customer/ann"}}, "GetItem")
    with pytest.raises(ClientError), tracing.span("act"):
        await aws.client("dynamodb").get_item(TableName="shop-orders")

    [call] = seen("DynamoDB.GetItem")
    assert (call.failed, call.attributes["error.type"]) == ("ThrottlingException", "ThrottlingException")


def test_what_is_no_call_is_given_as_it_is(aws):
    assert aws.client("dynamodb").exceptions == "not a call"
