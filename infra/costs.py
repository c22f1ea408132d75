"""`python -m infra.costs --orders-per-day 1000`: what the deployment costs, and what each choice adds."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from infra import prices, usage
from infra.house import contexts
from infra.template import FILE
from infra.yaml_text import read

HIT_RATE = 0.95  # of what orders reads of the catalog; seed «Performance Metrics»
_ZONES = 2
_KB = 1 / 1024 / 1024  # GB

# The seed's own figures, and the one it does not tell: 87 % is what they give if an order without a cache costs this.
SEED_ORDERS, SEED_REDIS, SEED_WITHOUT = 0.08 / 1000, 0.50, 1.00 / 1000


def per_order(*, hit_rate: float = HIT_RATE) -> dict[str, float]:
    """Dollars by service, Redis left out."""
    events = sum(act.events for act in usage.ACTS)
    asked = 1 - hit_rate  # calls of the catalog
    invoked = usage.REQUESTS + usage.DELIVERIES + events + asked
    gb_seconds = (
        usage.REQUESTS * usage.API_SECONDS * usage.API_GB
        + usage.DELIVERIES * usage.CONSUMER_SECONDS * usage.OTHER_GB
        + events * usage.RELAY_SECONDS * usage.OTHER_GB
        + asked * usage.CATALOG_SECONDS * usage.API_GB
    )
    writes = sum(act.write_units for act in usage.ACTS) + events * usage.RELAYED
    reads = sum(act.reads for act in usage.ACTS) + usage.LOOKS + asked * usage.CATALOG_READS
    return {
        "API Gateway": usage.REQUESTS * prices.HTTP_REQUEST,
        "Lambda": invoked * prices.INVOCATION + gb_seconds * prices.GB_SECOND,
        "DynamoDB": writes * prices.WRITE_UNIT + reads * prices.READ_UNIT,
        "EventBridge": events * prices.EVENT,
        "SQS": usage.DELIVERIES * usage.QUEUE_REQUESTS * prices.QUEUE_REQUEST,
        "Logs and traces": invoked * usage.LOGGED_KB * _KB * prices.LOGGED_GB + usage.REQUESTS * prices.TRACE,
    }


def standing() -> dict[str, float]:
    """Dollars a day by service that the stack costs with no order at all, Redis left out."""
    shop = contexts()
    runs = usage.runs_a_day(shop)
    resources = read(FILE.read_text(encoding="utf-8"))["Resources"].values()
    alarms = sum(one["Type"] == "AWS::CloudWatch::Alarm" for one in resources)
    sweeps = len(shop) * 24 * 60
    return {
        "Lambda": runs * (prices.INVOCATION + usage.JOB_SECONDS * usage.OTHER_GB * prices.GB_SECOND),
        "DynamoDB": sweeps * usage.SWEPT * prices.READ_UNIT,
        "SQS": len(shop) * usage.POLLS_A_MINUTE * 24 * 60 * prices.QUEUE_REQUEST,
        "Logs and traces": runs * (usage.LOGGED_KB * _KB * prices.LOGGED_GB),
        "Alarms": alarms * prices.ALARM,
        "Dashboard": prices.DASHBOARD,
        "Secret": prices.SECRET,
    }


def redis() -> dict[str, float]:
    """Dollars a day of each way to have one, with what its network needs."""
    doors = 2 * prices.DOOR  # Lambda, SQS
    return {
        "node, doors in two zones (what the template makes)": prices.VALKEY_NODE + _ZONES * doors,
        "node, doors in one zone (Zones=1)": prices.VALKEY_NODE + doors,
        "node, NAT gateway instead of doors": prices.VALKEY_NODE + prices.NAT,
        "serverless, doors in two zones (always a cluster)": prices.SERVERLESS_VALKEY + _ZONES * doors,
        "one that is there already (RedisUrl): no network": 0.0,
    }


def a_day(orders: int, *, hit_rate: float = HIT_RATE) -> dict[str, float]:
    """Dollars by service, Redis left out."""
    moving, still = per_order(hit_rate=hit_rate), standing()
    by = {name: orders * moving.get(name, 0) + still.get(name, 0) for name in dict.fromkeys([*moving, *still])}
    return {**by, "Custom metrics": min(1.0, orders / prices.HOURS) * custom_metrics() * prices.CUSTOM_METRIC}


def custom_metrics() -> int:
    """So many that CloudWatch has of the functions' own figures when all of them come: in an hour with orders."""
    return sum(usage.SERIES.values())


def pays_from(redis_a_day: float) -> float:
    """Orders a day from which the catalog's calls that a cache saves cost more than it."""
    saved = sum(per_order(hit_rate=0).values()) - sum(per_order().values())
    return redis_a_day / saved


def seed(orders: int) -> dict[str, float]:
    """The seed's table for so many orders a day: a day, a month, the part that is saved."""
    day = orders * SEED_ORDERS + SEED_REDIS
    return {"day": day, "month": day * prices.DAYS, "saved": 1 - day / (orders * SEED_WITHOUT)}


def main(given: list[str] | None = None, console: Console | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m infra.costs", description=__doc__)
    parser.add_argument("--orders-per-day", type=int, default=1000)
    orders, out = parser.parse_args(given).orders_per_day, console or Console()
    out.print(_sums(f"{orders:,} orders a day", a_day(orders)), "\n", _choices(orders), "\n", _seeds())


def _sums(title: str, by: Mapping[str, float]) -> Table:
    table = _table(title, "", "a day", "a month")
    for name, dollars in by.items():
        table.add_row(name, f"${dollars:.3f}", f"${dollars * prices.DAYS:.2f}")
    table.add_section()
    whole = sum(by.values())
    table.add_row("without Redis", f"${whole:.3f}", f"${whole * prices.DAYS:.2f}")
    return table


def _choices(orders: int) -> Table:
    table = _table("Redis, and what its network takes", "", "a day", "a month", "all in all", "saves its price from")
    whole = sum(a_day(orders).values())
    for name, dollars in redis().items():
        pays = f"{pays_from(dollars):,.0f} orders a day" if dollars else "what it costs you"
        table.add_row(
            name,
            f"${dollars:.3f}",
            f"${dollars * prices.DAYS:.2f}",
            f"${whole + dollars:.2f} a day",
            pays,
        )
    return table


def _seeds() -> Table:
    table = _table("The seed's figures, and ours", "", "the seed", "here")
    ours, made = sum(per_order().values()), next(iter(redis().values()))
    day, day_of_10_000 = sum(a_day(1000).values()) + made, 10_000
    saved = 1 - (sum(a_day(day_of_10_000).values()) + made) / sum(a_day(day_of_10_000, hit_rate=0).values())
    rows = (
        ("an order", f"${SEED_ORDERS:.5f}", f"${ours:.5f}"),
        ("Redis, a day", f"${SEED_REDIS:.2f}", f"${prices.VALKEY_NODE:.2f}, with its network ${made:.2f}"),
        ("1,000 orders a day", f"${seed(1000)['day']:.2f}", f"${day:.2f}"),
        ("a month of them", f"${seed(1000)['month']:.2f}", f"${day * prices.DAYS:.2f}"),
        (
            "saved by the cache at 10,000",
            f"{seed(day_of_10_000)['saved']:.0%}",
            f"{saved:.0%}" if saved > 0 else f"nothing: it costs {-saved:.0%} more",
        ),
    )
    for row in rows:
        table.add_row(*row)
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    return table


if __name__ == "__main__":
    main()
