"""A real server whose catalog fails and whose Redis is killed under steady orders; `make outage` does so at length."""

from __future__ import annotations

import json

import pytest

from outage.customers import CHANGED, KNOWN, NEW, Asked, Price
from outage.plan import Plan
from outage.run import outage
from outage.server import ANSWERS_503, HANGS
from outage.verdict import verdict
from outage.watch import circuits, reads
from torture.wire import Answer


async def test_what_was_read_before_is_sold_while_the_catalog_hangs_or_redis_is_dead_and_all_heals(tmp_path_factory):
    plan = Plan.quick(fault=HANGS, steady=0.3, catalog_away=1.2, healed=0.3, redis_away=0.8, redis_back=0.3)

    report = await outage(plan, tmp_path_factory.mktemp("o") / "data")

    assert [fault for check in report.checks for fault in check.faults] == []
    before, without_catalog, _, without_redis, _ = report.phases
    refused = {one.kind for one in without_catalog.asked if not one.accepted}
    assert NEW in refused <= {NEW, CHANGED}
    assert report.asked_again >= 1
    assert {"open"} <= circuits(without_catalog.looks)["catalog"].keys()
    assert {"open"} <= circuits(without_redis.looks)["redis"].keys()
    assert all(one.accepted for one in before.asked + without_redis.asked)
    assert reads(without_catalog.looks)["memory"] > 0
    assert len(report.healing) == 4


# The verdict finds what it is there for.

ORDER = {"lines": [{"productId": "mug", "unitPrice": "10.01"}]}
PROBLEM = {"content-type": "application/problem+json", "retry-after": "60"}


def asked(kind=CHANGED, status=201, headers=None, body=ORDER, sent=100.0, answered=100.1):
    answer = Answer(status, headers or {}, json.dumps(body).encode())
    return Asked(key="k", customer="c", request={}, kind=kind, sent=sent, answered=answered, answer=answer)


def faults(one):
    prices = {"mug": [Price(1001, 50.0, 50.1), Price(1002, 99.8, 99.9)]}
    found = verdict([one], prices=prices, away=(90.0, 110.0), latest=6.0, grace=1.0)
    return [check.what.split(" ")[0] + " " + check.what.split(" ")[1] for check in found if check.faults]


@pytest.mark.parametrize(
    ("one", "found"),
    [
        (asked(), []),
        (asked(NEW, 503, PROBLEM), []),
        (asked(NEW, 500, PROBLEM), ["answered with"]),
        (asked(NEW, 503, {"content-type": "application/problem+json"}), ["answered with"]),
        (asked(NEW, 503, {"retry-after": "60"}), ["answered with"]),
        (asked(KNOWN, 503, PROBLEM), ["what had"]),
        (asked(NEW, 503, PROBLEM, answered=110.5, sent=110.4), ["refused only"]),
        (asked(NEW, 503, PROBLEM, answered=106.5), ["refused within"]),
        (asked(sent=101.0, answered=101.1), ["at a"]),
        (asked(body={"lines": [{"productId": "mug", "unitPrice": "9.00"}]}), ["at a"]),
        (asked(body={"lines": [{"productId": "mug", "unitPrice": "10.02"}]}), []),
        (asked(body={"lines": [{"productId": "mug", "unitPrice": "10.02"}]}, sent=99.0, answered=99.7), ["at a"]),
    ],
)
def test_the_verdict_finds(one, found):
    assert faults(one) == found


def test_a_plan_has_more_newcomers_than_can_be_ordered():
    assert Plan(fault=ANSWERS_503).newcomers > 40 * 5 * 60 / 4
