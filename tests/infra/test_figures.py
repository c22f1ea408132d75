"""The table of figures: it has each line of the seed's picture, and each metric that is declared, and no other."""

from __future__ import annotations

from infra import figures
from infra.figures import DECLARED, GROUPS, rows, table

SEED = {  # «Monitoring & Observability»
    "Lambda": ["Invocations", "Duration (p50, p95, p99)", "Errors", "Throttles", "Concurrent Executions"],
    "API Gateway": ["Request Count", "4xx Errors", "5xx Errors", "Latency (p50, p95, p99)", "Cache Hit Rate"],
    "DynamoDB": ["Read/Write Capacity", "Throttled Requests", "Latency", "Item Count"],
    "EventBridge": ["Events Published", "Events Failed", "Rule Invocations"],
    "Custom metrics": [
        "Cache hit rate",
        "Circuit breaker state changes",
        "Business metrics (orders created, revenue)",
        "Error types distribution",
    ],
}


def test_the_file_is_what_the_table_says():
    assert figures.FILE.read_text(encoding="utf-8") == table(), "make infra writes it anew"


def test_every_line_of_the_seed_is_there_in_its_words():
    assert {group: [one.name for one in found if one.seed] for group, found in GROUPS.items() if group in SEED} == SEED
    assert not [one.name for group, found in GROUPS.items() if group not in SEED for one in found if one.seed]


def test_every_metric_that_is_declared_has_one_row_and_every_row_names_what_is_declared():
    named = [name for one in rows() for name in one.ours]

    assert sorted(named) == sorted(DECLARED)


def test_what_there_is_not_says_why():
    assert {one.name for one in rows() if not one.aws and not one.ours} == {"Cache Hit Rate", "Item Count"}
    assert all(one.says for one in rows() if not one.aws and not one.ours)
