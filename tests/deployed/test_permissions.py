"""Each permission of the template is needed: a function that lacks one fails in what it is there for.

Functions are called one at a time, so that a refusal is seen at once. The emulator checks what they ask for themselves;
what Lambda does in their name (queues, streams, logs, traces) it does unasked, so that tests/infra compares it alone.
"""

from __future__ import annotations

import itertools

import pytest
import pytest_asyncio
from botocore.session import get_session

from parity.running import began
from parity.story import within
from parity.topology import FUNCTIONS
from shop.platform.aws import Aws
from tests.deployed import deeds
from tests.deployed.by_hand import ByHand, Policies, Refused, kind, without

pytestmark = [pytest.mark.aws, pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("guarded")]

CONTEXTS = ("catalog", "orders", "rewards")
ROLES = ("api", "consumer", "relay", "jobs")
BY_LAMBDA = {
    "relay": "DescribeStream GetRecords GetShardIterator ListStreams",
    "consumer": "ReceiveMessage DeleteMessage GetQueueAttributes",
}
ANYBODYS = {"logs", "xray"}

# What a function may do, on which kind of resource → the deed that needs it.
NEEDED = {
    "catalog-api: dynamodb:GetItem table": deeds.stocks,
    "catalog-api: dynamodb:BatchGetItem table": deeds.shows,
    "catalog-api: dynamodb:Query table": deeds.searches,
    "catalog-api: dynamodb:Query index": deeds.lists,
    "catalog-api: dynamodb:PutItem table": deeds.sells,
    "catalog-api: dynamodb:UpdateItem table": deeds.stocks,
    "catalog-api: dynamodb:DeleteItem table": deeds.renames,
    "catalog-consumer: dynamodb:GetItem table": deeds.ships,
    "catalog-consumer: dynamodb:BatchGetItem table": deeds.reserves,
    "catalog-consumer: dynamodb:PutItem table": deeds.reserves,
    "catalog-consumer: dynamodb:UpdateItem table": deeds.reserves,
    "catalog-jobs: dynamodb:GetItem table": deeds.finishes_a_reservation,
    "catalog-jobs: dynamodb:BatchGetItem table": deeds.finishes_a_reservation,
    "catalog-jobs: dynamodb:Query index": deeds.finishes_a_reservation,
    "catalog-jobs: dynamodb:PutItem table": deeds.finishes_a_reservation,
    "catalog-jobs: dynamodb:UpdateItem table": deeds.finishes_a_reservation,
    "orders-api: dynamodb:GetItem table": deeds.reads_an_order,
    "orders-api: dynamodb:BatchGetItem table": deeds.lists_orders,
    "orders-api: dynamodb:Query index": deeds.lists_orders,
    "orders-api: dynamodb:PutItem table": deeds.orders,
    "orders-api: dynamodb:UpdateItem table": deeds.orders_with_credit,
    "orders-api: lambda:InvokeFunction function": deeds.orders,
    "orders-consumer: dynamodb:GetItem table": deeds.confirms,
    "orders-consumer: dynamodb:BatchGetItem table": deeds.hears_many_facts_of_an_order_at_once,
    "orders-consumer: dynamodb:PutItem table": deeds.confirms,
    "orders-consumer: dynamodb:UpdateItem table": deeds.keeps_credit,
    "orders-consumer: sqs:SendMessage queue": deeds.forgets_twice_what_it_has_read,
    "orders-jobs: dynamodb:GetItem table": deeds.expires_an_order,
    "orders-jobs: dynamodb:BatchGetItem table": deeds.expires_an_order,
    "orders-jobs: dynamodb:Query index": deeds.expires_an_order,
    "orders-jobs: dynamodb:PutItem table": deeds.expires_an_order,
    "orders-jobs: dynamodb:UpdateItem table": deeds.expires_an_order,
    "rewards-api: dynamodb:GetItem table": deeds.tells_points,
    "rewards-api: dynamodb:BatchGetItem table": deeds.lists_the_ledger,
    "rewards-api: dynamodb:Query index": deeds.lists_the_ledger,
    "rewards-api: dynamodb:PutItem table": deeds.redeems,
    "rewards-consumer: dynamodb:GetItem table": deeds.rewards,
    "rewards-consumer: dynamodb:BatchGetItem table": deeds.rewards_many_orders_of_a_customer_at_once,
    "rewards-consumer: dynamodb:PutItem table": deeds.rewards,
    "rewards-jobs: dynamodb:GetItem table": deeds.expires_points,
    "rewards-jobs: dynamodb:BatchGetItem table": deeds.expires_points,
    "rewards-jobs: dynamodb:Query index": deeds.expires_points,
    "rewards-jobs: dynamodb:PutItem table": deeds.expires_points,
    "feed: dynamodb:Query log": deeds.tells_events,
    **{
        f"{context}-{role}: {what}": deed(context, anew=what == "dynamodb:PutItem log")
        for context in CONTEXTS
        for role, deed in (("relay", deeds.passes_on), ("jobs", deeds.sweeps))
        for what in (
            "events:PutEvents bus",
            "dynamodb:BatchWriteItem log",
            "dynamodb:PutItem log",
            "dynamodb:BatchWriteItem table",
        )
    },
    **{f"{context}-jobs: dynamodb:Query table": deeds.sweeps(context) for context in CONTEXTS},
    **{
        f"{context}-consumer: sqs:{act} queue": deeds.puts_off(context, anew=act == "GetQueueUrl")
        for context in CONTEXTS
        for act in ("GetQueueUrl", "ChangeMessageVisibility")
    },
}
DEEDS = list(dict.fromkeys(NEEDED.values()))


@pytest.fixture(scope="module")
def guarded(local_zip, tmp_path_factory):
    """Permissions are checked, and nothing calls a function but the tests."""
    settings = {"DeliveryAttempts": "1", "OrderExpiryMinutes": "0.01"}
    with began(FUNCTIONS, tmp_path_factory.mktemp("guarded"), auth=True, settings=settings, code=local_zip) as running:
        functions, events = (get_session().create_client(service) for service in ("lambda", "events"))
        for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
            functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        for rule in events.list_rules()["Rules"]:
            events.disable_rule(Name=rule["Name"])
        yield running


@pytest.fixture(scope="module")
def policies(guarded):  # noqa: ARG001 - it is found by the environment
    return Policies()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hand(guarded):
    aws = Aws(("lambda", "dynamodb"))
    await aws.open()
    async with within(guarded, more=False) as (story, stack):
        yield ByHand(story=story, stack=stack, aws=aws, numbers=itertools.count())
    await aws.close()


async def test_every_permission_is_there_for_a_deed(policies):
    names = [*(f"{context}-{role}" for context in CONTEXTS for role in ROLES), "feed"]

    assert {permission for name in names for permission in granted(name, policies)} == set(NEEDED)


@pytest.mark.parametrize("deed", DEEDS, ids=[deed.__name__ for deed in DEEDS])
async def test_with_all_its_permissions_a_function_does_what_it_is_there_for(hand, deed):
    doing = deed(hand)
    await anext(doing)

    assert await anext(doing, "done") == "done"


@pytest.mark.parametrize("permission", NEEDED)
async def test_without_one_of_them_it_does_not(hand, policies, permission):
    doing = NEEDED[permission](hand)
    await anext(doing)

    with without(permission, policies), pytest.raises(Refused):
        await anext(doing, "done")


def granted(name, policies):
    """The function's permissions that the emulator checks, as in `NEEDED`."""
    for statement in policies.read(name)["Statement"]:
        for action in statement["Action"]:
            service, _, act = action.partition(":")
            if service not in ANYBODYS and act not in BY_LAMBDA.get(name.rpartition("-")[2], "").split():
                yield f"{name}: {action} {kind(statement)}"
