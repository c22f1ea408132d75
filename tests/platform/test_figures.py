"""Figures are counted by what they are labelled with, however often, and by no more labels than there is room for."""

from __future__ import annotations

import pytest

from shop.catalog.container import CatalogContainer
from shop.orders.container import OrdersContainer
from shop.platform import figures as machinery
from shop.platform import metrics
from shop.platform.figures import Figures, Kind, Metric, counter, gauge, histogram
from shop.platform.metrics import PLATFORM
from shop.rewards.container import RewardsContainer

SENT = counter("parcels_sent", "So many.", "to")
WAITING = gauge("parcels_waiting", "Now.")
SECONDS = histogram("parcel_seconds", "On their way.", "to", bounds=(1, 10), dimensions=())
UNTOLD = histogram("parcel_bytes", "Not for CloudWatch.", bounds=(1, 10), unit="None")
DECLARED = [*PLATFORM, *CatalogContainer.metrics(), *OrdersContainer.metrics(), *RewardsContainer.metrics()]


def _read(figures):
    return {(metric.name, *labels): value for metric, labels, value in figures.read()}


def test_a_counter_rises_and_a_gauge_is_as_it_was_set_last():
    figures = Figures()
    figures.count(SENT, "ada")
    figures.count(SENT, "ben")
    figures.count(SENT, "ada", by=2.5)
    figures.set(WAITING, to=7)
    figures.set(WAITING, to=4)

    assert _read(figures) == {("parcels_sent", "ada"): 3.5, ("parcels_sent", "ben"): 1, ("parcels_waiting",): 4}


def test_a_value_is_in_the_bucket_of_its_upper_bound():
    figures = Figures()
    for value in (0.5, 1, 1.5, 10, 11):
        figures.observe(SECONDS, "ada", value=value)

    spread = _read(figures)["parcel_seconds", "ada"]
    assert (spread.buckets, spread.total, spread.recent) == ([2, 2, 1], 24, None)


def test_who_tells_every_value_has_them_kept():
    figures = Figures(keeps=True)
    for value in (3, 1, 3):
        figures.observe(SECONDS, "ada", value=value)
        figures.observe(UNTOLD, value=value)

    assert _read(figures)["parcel_seconds", "ada"].recent == [3, 1, 3]
    assert _read(figures)["parcel_bytes",].recent is None


def test_what_others_count_is_read_when_it_is_asked_for():
    figures, counted = Figures(), [1]
    figures.also(lambda: [(SENT, ("ada",), counted[0])])

    assert _read(figures) == {("parcels_sent", "ada"): 1}
    counted[0] = 5
    assert _read(figures) == {("parcels_sent", "ada"): 5}


def test_whoever_makes_labels_up_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(machinery, "_MOST_SERIES", 3)
    figures = Figures()
    for number in range(10):
        figures.count(SENT, f"customer-{number}")
    figures.count(SENT, "customer-0")

    read = _read(figures)
    assert len(read) == 4
    assert (read["parcels_sent", "customer-0"], read["parcels_sent", "other"]) == (2, 7)


def test_none_of_the_platforms_is_left_out():
    assert [one for one in vars(metrics).values() if isinstance(one, Metric)] == list(PLATFORM)


def test_every_metric_is_declared_once():
    assert len({metric.name for metric in DECLARED}) == len(DECLARED) > 25


@pytest.mark.parametrize("metric", DECLARED, ids=lambda metric: metric.name)
def test_a_metric_is_declared_as_prometheus_and_cloudwatch_want_it(metric):
    assert metric.help.endswith(".")
    assert not metric.name.endswith(("_total", "_count", "_sum", "_bucket"))  # Prometheus adds these
    assert list(metric.bounds) == sorted(set(metric.bounds))
    assert bool(metric.bounds) == (metric.kind is Kind.HISTOGRAM)
    assert set(metric.dimensions or ()) <= set(metric.labels)
    assert (metric.unit == "Seconds") == metric.name.endswith("_seconds") or metric.kind is Kind.GAUGE
    assert metric.kind is not Kind.GAUGE or metric.dimensions is None
