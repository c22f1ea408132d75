"""Figures for CloudWatch: documents that its specification allows, of what has changed, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shop.platform.embedded_metrics import EmbeddedMetrics
from shop.platform.figures import Figures, counter, gauge, histogram
from tests.platform.embedded import checked, extracted

SENT = counter("parcels_sent", "So many.", "to", "by", dimensions=("to",))
LOST = counter("parcels_lost", "So many.", dimensions=())
OPENED = counter("parcels_opened", "Not for CloudWatch.")
WAITING = gauge("parcels_waiting", "Now.")
SECONDS = histogram("parcel_seconds", "On their way.", "by", dimensions=())
NOW = datetime(2026, 11, 30, 4, 0, 0, 123_456, tzinfo=UTC)


@pytest.fixture
def figures():
    return Figures(keeps=True)


@pytest.fixture
def told(figures):
    """The documents of what has changed since it was asked the last time."""
    lines = []
    metrics = EmbeddedMetrics(figures, namespace="shop/test", context="parcels", wall=lambda: NOW, write=lines.append)

    def tell():
        lines.clear()
        metrics.tell()
        return [checked(line) for line in lines]

    return tell


def test_a_document_says_when_where_and_what(figures, told):
    figures.count(LOST)
    figures.observe(SECONDS, "bike", value=0.0123456789)

    [document] = told()

    assert document == {
        "_aws": {
            "Timestamp": 1796011200123,
            "CloudWatchMetrics": [
                {
                    "Namespace": "shop/test",
                    "Dimensions": [["context"]],
                    "Metrics": [
                        {"Name": "parcels_lost", "Unit": "Count"},
                        {"Name": "parcel_seconds", "Unit": "Seconds"},
                    ],
                }
            ],
        },
        "context": "parcels",
        "parcels_lost": 1,
        "parcel_seconds": [0.012346],
    }


def test_where_nothing_has_changed_nothing_is_told(figures, told):
    assert told() == []
    figures.count(LOST, by=2)
    figures.observe(SECONDS, "bike", value=1)
    told()

    assert told() == []
    figures.count(LOST)
    assert extracted(told()) == {("parcels_lost", "context=parcels"): [1]}


def test_what_cloudwatch_does_not_get_makes_no_line(figures, told):
    figures.count(OPENED)
    figures.set(WAITING, to=5)

    assert told() == []


def test_labels_that_are_no_dimensions_are_added_up(figures, told):
    figures.count(SENT, "ada", "bike", by=2)
    figures.count(SENT, "ada", "boat", by=3)
    figures.observe(SECONDS, "bike", value=1)
    figures.observe(SECONDS, "boat", value=2)

    assert extracted(told()) == {
        ("parcels_sent", "context=parcels", "to=ada"): [5],
        ("parcel_seconds", "context=parcels"): [1, 2],
    }


def test_money_is_told_as_it_was_counted(figures, told):
    figures.count(SENT, "ada", "bike", by=0.1)
    told()
    figures.count(SENT, "ada", "bike", by=0.2)
    figures.count(SENT, "ben", "bike", by=0.1)
    figures.count(SENT, "ben", "boat", by=0.2)

    assert extracted(told()) == {
        ("parcels_sent", "context=parcels", "to=ada"): [0.2],
        ("parcels_sent", "context=parcels", "to=ben"): [0.3],
    }


def test_what_differs_in_a_dimension_goes_into_the_next_document_and_the_rest_stays_together(figures, told):
    for to in ("ada", "ben", "cyd"):
        figures.count(SENT, to, "bike")
    figures.count(LOST)

    documents = told()

    assert len(documents) == 3
    assert extracted(documents) == {
        ("parcels_sent", "context=parcels", "to=ada"): [1],
        ("parcels_sent", "context=parcels", "to=ben"): [1],
        ("parcels_sent", "context=parcels", "to=cyd"): [1],
        ("parcels_lost", "context=parcels"): [1],
    }


def test_more_than_a_hundred_values_go_into_several_documents(figures, told):
    for number in range(250):
        figures.observe(SECONDS, "bike", value=number)

    documents = told()

    assert [len(document["parcel_seconds"]) for document in documents] == [100, 100, 50]
    assert extracted(documents) == {("parcel_seconds", "context=parcels"): list(range(250))}


def test_more_than_a_hundred_metrics_go_into_several_documents(figures, told):
    for number in range(250):
        figures.count(counter(f"parcels_{number}", "So many.", dimensions=()))

    documents = told()

    assert len(documents) == 3
    assert len(extracted(documents)) == 250


def test_what_others_count_is_told_as_what_has_come_to_it(figures, told):
    counted = {"ada": 4}
    figures.also(lambda: [(SENT, (to, "bike"), count) for to, count in counted.items()])
    told()
    counted["ada"] += 3

    assert extracted(told()) == {("parcels_sent", "context=parcels", "to=ada"): [3]}
