"""The map on the page is what the code has: contracts, tables of reactions, and what their docstrings say."""

from __future__ import annotations

import pytest

from shop.entrypoints.monolith import Monolith
from shop.platform.settings import read_settings


@pytest.fixture
def house(tmp_path):
    return Monolith(settings=read_settings({"SHOP_DATA": str(tmp_path)}))


def test_every_reaction_of_the_shop_is_on_it_and_none_besides(house):
    on_the_map = {(event.type, consumer) for event in house.console().chart.events for consumer in event.heard}

    assert on_the_map == {(kind, name) for name, table in house.consumers().items() for kind in table}


def test_each_event_is_published_by_the_context_that_its_name_says(house):
    by = {event.type: event.by for event in house.console().chart.events}

    assert by["order.created"] == by["payment.completed"] == by["refund.due"] == "orders"
    assert by["stock.reserved"] == by["product.price.changed"] == "catalog"
    assert by["reward.issued"] == "rewards"


def test_everything_on_it_explains_itself(house):
    chart = house.console().chart

    assert all(context.says for context in chart.contexts)
    for event in chart.events:
        assert event.says.endswith("."), event.type
        for consumer, why in event.heard.items():
            assert why.endswith("."), (
                f"{consumer} does not say what it does on {event.type}: give its reaction a docstring"
            )
