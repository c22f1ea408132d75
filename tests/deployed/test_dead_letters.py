"""What the deployed stack cannot digest ends where an operator finds it, and is delivered from there."""

from __future__ import annotations

import pytest

from tests.deployed.conftest import eventually, without

pytestmark = [pytest.mark.aws, pytest.mark.xdist_group("deployed")]


async def test_a_message_that_is_no_event_ends_in_the_dead_letter_queue_and_holds_up_nobody(hasty):
    await hasty.story.sell("cup", price="10.00")

    await hasty.stack.send("catalog", "rubbish")
    order = await placed(hasty, "ann")
    await eventually(lambda: dead(hasty, {"catalog": 1}))

    [letter] = await hasty.dead_letters("list", "--json")
    [shown] = await hasty.dead_letters("show", letter["id"], "--json")
    assert (shown["consumer"], shown["eventType"], shown["event"]) == ("catalog", "(unreadable)", "rubbish")
    assert (await hasty.story.read(order, "ann"))["status"] == "confirmed"


async def test_an_event_whose_reaction_fails_is_replayed_once_the_cause_is_mended_and_has_its_effect(hasty):
    await hasty.story.sell("cup", price="10.00")
    order = await placed(hasty, "ann")

    with without("dynamodb:PutItem", function="rewards-consumer"):
        assert (await hasty.story.pay(order)).status_code == 200
        await eventually(lambda: dead(hasty, {"rewards": 1}))
        points_before = await hasty.story.points("ann")
        [letter] = await hasty.dead_letters("list", "--json")
        [shown] = await hasty.dead_letters("show", letter["id"], "--json")
        await hasty.dead_letters("replay", letter["id"])
        await eventually(lambda: dead(hasty, {"rewards": 1}))  # it fails again, and is not replayed for ever
    await hasty.dead_letters("replay", "--all")
    await hasty.story.until_quiet()

    assert points_before == 0
    assert (shown["eventType"], shown["event"]["subject"]) == ("order.completed", order["orderId"])
    assert await hasty.story.points("ann") == 10
    assert await hasty.stack.dead() == {}


async def placed(shop, customer):
    """It will be confirmed if that is soon enough: orders of this stack expire after a moment, when the clock runs."""
    answer = await shop.story.order(customer, ("cup", 1))
    assert answer.status_code == 201, answer.text
    await shop.story.until_quiet()
    return answer.json()


async def dead(shop, wanted):
    return await shop.stack.dead() == wanted
