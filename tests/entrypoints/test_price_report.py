from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal

import pytest

from shop.entrypoints.control_totals import Report, Totals
from shop.entrypoints.price_report import OldPrice, PriceReport, PriceTags, percentile
from shop.entrypoints.replaying import conclude
from shop.entrypoints.terminal import Failed
from shop.kernel.money import Money

LOW, HIGH, OTHER = Money(200, "GBP"), Money(300, "GBP"), Money(400, "GBP")
GONE = OldPrice(invoice="1", product="A", carried=LOW, price=HIGH, late=0.5)
PRICES = PriceReport(
    changes=3,
    reads={"memory": 6, "redis": 1, "origin": 3, "stale-if-error": 0},
    products=2,
    there_before=0,
    old=[],
    revenue=Decimal("5.00"),
    logged=Decimal("6.00"),
    left_out=["1 of A at 3.00 in 7, which has it at 2.00"],
    servers=2,
    seen_after=[0.001 * number for number in range(1, 201)],
)
NOTHING = Totals.of([])
SAME = Report(
    totals=NOTHING, wanted=NOTHING, differences=[], remarks=[], unmatched=[], points_after=0, rates={"orders placed": 1}
)


def test_a_price_that_comes_back_ended_when_it_was_taken_away_last() -> None:
    tags = PriceTags()
    for at, price in enumerate([LOW, HIGH, LOW, HIGH], 10):
        tags.put("A", price, at)
    tags.put("B", LOW, 0)

    assert (tags.now("A"), tags.before("A")) == (HIGH, LOW)
    assert (tags.ended("A", LOW), tags.ended("A", HIGH), tags.ended("A", OTHER)) == (13, 12, -math.inf)
    assert tags.changed() == ["A"]


def test_a_percentile_is_a_value_that_was_there() -> None:
    assert [percentile([3, 1, 2, 4], share) for share in (1, 50, 51, 99, 100)] == [1, 2, 3, 4, 4]


def test_hits_are_the_reads_for_which_the_catalog_was_not_asked() -> None:
    figures = PRICES.figures()

    assert (PRICES.asked, PRICES.hits, figures["hit_rate"]) == (10, 7, 0.7)
    assert figures["seen_after_ms"] == {"p50": 100, "p99": 198, "most": 200}


def test_all_figures_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    conclude(SAME, replace(PRICES, old=[GONE]), as_json=False)

    shown, remarks = capsys.readouterr()
    rows = {" ".join(line.split()) for line in shown.splitlines()}
    assert rows >= {
        "answered by memory 6 60.0 %",
        "answered by redis 1 10.0 %",
        "without asking the catalog 7 70.0 %",
        "the same, of reads after a product's first 8 87.5 %",
        "orders at a price that ended over 1 s before 0",
        "orders at a price that ended before; how long 1 500.00 500.00 500.00",
        "revenue at the prices of the log 6.00 -1.00 ordered",
        "lines left out: a second price in an invoice 1 listed",
        "a new price read by all 2 servers, after 200 100.00 198.00 200.00",
    }
    assert remarks.splitlines() == [
        "left out: 1 of A at 3.00 in 7, which has it at 2.00",
        "invoice 1: A at 2.00, which ended 500.00 ms before the order began, instead of 3.00",
    ]


@pytest.mark.parametrize(("late", "said"), [(1.01, "ended 1,010.00 ms before"), (math.inf, "which it never had")])
@pytest.mark.parametrize("as_json", [True, False])
def test_an_order_at_a_price_long_gone_fails_and_is_named(
    late: float, said: str, *, as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Failed, match="more than a second"):
        conclude(SAME, replace(PRICES, old=[replace(GONE, late=late), GONE]), as_json=as_json)

    first, *_ = [line for line in capsys.readouterr().err.splitlines() if line.startswith("invoice")]
    assert said in first


def test_without_reads_and_looks_nothing_is_divided(capsys: pytest.CaptureFixture[str]) -> None:
    none = replace(PRICES, reads=dict.fromkeys(PRICES.reads, 0), seen_after=[], there_before=2, servers=1)

    conclude(SAME, none, as_json=False)

    assert "orders from an earlier run" in capsys.readouterr().out
    assert (none.figures()["hit_rate"], none.figures()["seen_after_ms"]) == (None, None)
