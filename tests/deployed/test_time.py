"""What the clock of EventBridge sets going."""

from __future__ import annotations

import json

import pytest
from botocore.session import get_session

from infra.template import FILE
from infra.yaml_text import read
from tests.deployed.conftest import eventually

pytestmark = [pytest.mark.aws, pytest.mark.xdist_group("deployed")]


async def test_an_unpaid_order_is_expired_by_what_the_schedule_sends_and_its_stock_is_free_again(hasty):
    await hasty.story.sell("cup", price="10.00")
    paid, unpaid = [(await hasty.story.order(who, ("cup", 1))).json() for who in ("ann", "bob")]
    await hasty.story.pay(paid)
    await hasty.story.until_quiet()

    async def expired():
        schedule("OrdersExpireOrdersSchedule")
        return await hasty.stands(unpaid, "cancelled")

    await eventually(expired)
    await hasty.story.until_quiet()

    assert (await hasty.story.read(unpaid, "bob"))["reason"] == "expired"
    assert (await hasty.story.read(paid, "ann"))["status"] == "completed"
    stock = await hasty.story.stock("cup")
    assert (stock["available"], stock["reserved"], stock["sold"]) == (9, 0, 1)


async def test_the_schedule_itself_fires_and_expires_unpaid_orders(hasty):
    await hasty.story.sell("cup", price="10.00")
    unpaid = (await hasty.story.order("ann", ("cup", 1))).json()

    await eventually(
        lambda: hasty.stands(unpaid, "cancelled"), within=150
    )  # every minute, and it looks every ten seconds
    await hasty.story.until_quiet()

    assert (await hasty.story.read(unpaid, "ann"))["reason"] == "expired"
    assert (await hasty.story.stock("cup"))["available"] == 10


def schedule(name):
    """Call the function of this rule of the template with the input that the template gives it."""
    resources = read(FILE.read_text())["Resources"]
    [target] = resources[name]["Properties"]["Targets"]
    function = resources[target["Arn"]["Fn::GetAtt"][0]]["Properties"]["FunctionName"]["Fn::Sub"]
    client = get_session().create_client("lambda")
    answer = client.invoke(FunctionName=function.replace("${AWS::StackName}", "shop"), Payload=target["Input"])
    assert "FunctionError" not in answer, json.loads(answer["Payload"].read())
