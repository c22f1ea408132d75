"""What a scrape finds is read by the parsers of Prometheus and of OpenMetrics, whatever labels say."""

from __future__ import annotations

import pytest
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain

from shop.platform.figures import Figures, counter, gauge, histogram
from shop.platform.prometheus import Prometheus

SENT = counter("parcels_sent", 'So many, "fragile" ones too\\.', "to")
WAITING = gauge("parcels_waiting", "Now.")
SECONDS = histogram("parcel_seconds", "On their way.", "to", bounds=(0.5, 1, 10))


@pytest.fixture
def prometheus():
    figures = Figures()
    figures.count(SENT, 'ada "the first"\n', by=3)
    figures.set(WAITING, to=2)
    for value in (0.5, 0.7, 99):
        figures.observe(SECONDS, "ada", value=value)
    figures.observe(SECONDS, "ben", value=1)
    figures.also(lambda: [(SENT, ("zoe",), 1)])  # a metric's series come from two places, and are one family
    return Prometheus(figures)


@pytest.mark.parametrize(
    "families",
    [
        lambda prometheus: plain(prometheus.text().decode()),
        lambda prometheus: open_metrics(generate_latest(prometheus).decode()),
    ],
    ids=["prometheus", "openmetrics"],
)
def test_a_parser_reads_what_was_counted(prometheus, families):
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in families(prometheus)
        for sample in family.samples
        if sample.name.startswith("parcel")
    }

    assert found == {
        ("parcels_sent_total", 'ada "the first"\n'): 3,
        ("parcels_sent_total", "zoe"): 1,
        ("parcels_waiting",): 2,
        ("parcel_seconds_bucket", "0.5", "ada"): 1,
        ("parcel_seconds_bucket", "1.0", "ada"): 2,
        ("parcel_seconds_bucket", "10.0", "ada"): 2,
        ("parcel_seconds_bucket", "+Inf", "ada"): 3,
        ("parcel_seconds_count", "ada"): 3,
        ("parcel_seconds_sum", "ada"): 100.2,
        ("parcel_seconds_bucket", "0.5", "ben"): 0,
        ("parcel_seconds_bucket", "1.0", "ben"): 1,
        ("parcel_seconds_bucket", "10.0", "ben"): 1,
        ("parcel_seconds_bucket", "+Inf", "ben"): 1,
        ("parcel_seconds_count", "ben"): 1,
        ("parcel_seconds_sum", "ben"): 1,
    }


def test_each_family_is_told_once(prometheus):
    names = [family.name for family in plain(prometheus.text().decode())]

    assert len(names) == len(set(names))
    assert "python_info" in names
