from __future__ import annotations

import io

import pytest
from rich.console import Console

from infra import costs, prices, usage
from infra.figures import DECLARED


def test_the_seeds_table_follows_from_its_figures_and_an_order_without_cache_of_a_tenth_of_a_cent():
    of_1000, of_10_000 = costs.seed(1000), costs.seed(10_000)

    assert of_1000["day"] == pytest.approx(0.58)
    assert of_1000["month"] == pytest.approx(17.40)
    assert of_10_000["saved"] == pytest.approx(0.87)


def test_an_order_writes_what_its_acts_commit():
    create = next(act for act in usage.ACTS if act.name == "CreateOrder")

    assert create.write_units == 2 * (usage.ORDER_KB + 1 + 1) + 3
    assert sum(act.events for act in usage.ACTS) == 5


def test_an_order_costs_what_the_seed_says_of_one_but_for_logs_and_traces():
    by = costs.per_order()

    without_watching = sum(by.values()) - by["Logs and traces"]

    assert without_watching == pytest.approx(costs.SEED_ORDERS, rel=0.1)


def test_costs_grow_with_orders_by_what_an_order_costs():
    more = sum(costs.a_day(3000).values()) - sum(costs.a_day(1000).values())

    assert more == pytest.approx(2000 * sum(costs.per_order().values()))


def test_a_stack_without_orders_costs_its_alarms_its_secret_and_what_looks_for_work():
    by = costs.a_day(0)

    assert by["Alarms"] == pytest.approx(42 * prices.ALARM)
    assert by["Dashboard"] == pytest.approx(prices.DASHBOARD)
    assert by["Custom metrics"] == 0
    assert by["SQS"] == pytest.approx(3 * 15 * 1440 * prices.QUEUE_REQUEST)
    assert by["API Gateway"] == by["EventBridge"] == 0


def test_our_own_metrics_cost_as_many_series_as_come_in_the_hours_with_orders():
    told = {name for name, metric in DECLARED.items() if metric.dimensions is not None}

    assert usage.SERIES.keys() == told
    assert costs.a_day(1000)["Custom metrics"] == pytest.approx(sum(usage.SERIES.values()) * prices.CUSTOM_METRIC)
    assert costs.a_day(6)["Custom metrics"] == pytest.approx(costs.a_day(1000)["Custom metrics"] / 4)


def test_a_cache_saves_calls_of_the_catalog_and_pays_from_where_they_cost_as_much():
    dearest = next(iter(costs.redis().values()))
    orders = round(costs.pays_from(dearest))

    saved = sum(costs.a_day(orders, hit_rate=0).values()) - sum(costs.a_day(orders).values())

    assert saved == pytest.approx(dearest, rel=1e-3)


def test_the_command_prints_the_seeds_figures_beside_ours():
    out = io.StringIO()

    costs.main(["--orders-per-day", "1000"], Console(file=out, width=140))

    assert "1,000 orders a day" in out.getvalue()
    assert "$17.40" in out.getvalue()
    assert "87%" in out.getvalue()
