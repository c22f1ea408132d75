"""Ready or not, and the figures: of the whole shop, after orders, with deliveries that wait."""

from __future__ import annotations

import sqlite3
from datetime import timedelta

from prometheus_client.parser import text_string_to_metric_families


async def _figures(story):
    answer = await story.http.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_a_shop_that_serves_is_ready(story):
    answer = await story.http.get("/health/ready")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_a_shop_whose_deliveries_are_not_made_is_not_ready(settings, visiting, later):
    async with visiting(settings, serving=False) as story:
        await story.sell("cup", price="1.00", on_hand=5)
        await story.order("ada", ("cup", 1))
        assert (await story.http.get("/health/ready")).status_code == 200
        later(timedelta(minutes=6))
        answer = await story.http.get("/health/ready")

    assert (answer.status_code, answer.json()["code"]) == (503, "not-ready")
    assert answer.headers["retry-after"] == "30"
    assert "overdue" in answer.json()["detail"]


async def test_a_shop_whose_store_takes_no_writes_is_not_ready(story, settings):
    with sqlite3.connect(settings.store, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = await story.http.get("/health/ready")
        other.execute("ROLLBACK")

    assert (answer.status_code, answer.json()["code"]) == (503, "not-ready")
    assert (await story.http.get("/health/ready")).status_code == 200


async def test_the_figures_count_what_was_done(story):
    await story.sell("cup", price="1.00", on_hand=5)
    for key in ("a", "a", "b"):
        await story.order("ada", ("cup", 1), key=key)
    await story.until_quiet()
    figures = await _figures(story)

    assert figures["shop_events_published_total", "order.created"] == 2
    assert figures["shop_events_published_total", "stock.reserved"] == 2
    assert figures["http_requests_total", "orders", "POST", "/orders", "201"] == 3
    assert figures["http_request_duration_seconds_count", "orders", "POST", "/orders"] == 3
    assert figures["shop_deliveries", "waiting"] == figures["shop_deliveries", "dead"] == 0
    assert figures["shop_catalog_reads_total", "memory"] + figures["shop_catalog_reads_total", "origin"] >= 2
    assert figures["shop_circuit", "closed", "catalog"] == 1
    assert figures["shop_circuit", "open", "catalog"] == figures["shop_circuit_opened_total", "catalog"] == 0
    assert figures["shop_store_units_total",] >= figures["shop_store_commits_total",] > 0


async def test_deliveries_that_wait_are_seen(settings, visiting, later):
    async with visiting(settings, serving=False) as story:
        await story.sell("cup", price="1.00", on_hand=5)
        await story.order("ada", ("cup", 1))
        later(timedelta(seconds=90))
        figures = await _figures(story)

    assert figures["shop_deliveries", "waiting"] >= 1
    assert 90 <= figures["shop_oldest_delivery_overdue_seconds",] < 600
