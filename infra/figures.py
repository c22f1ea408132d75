"""What is watched, figure by figure: what AWS measures by itself, what the shop counts, and what there is not.

From here come the dashboard (`dashboard.py`) and the table of `figures.md`; a test holds it to what the code declares.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from shop.catalog.container import CatalogContainer
from shop.orders.container import OrdersContainer
from shop.platform.figures import Kind, Metric
from shop.platform.metrics import PLATFORM
from shop.rewards.container import RewardsContainer

FILE = Path(__file__).with_name("figures.md")
DECLARED: dict[str, Metric] = {
    metric.name: metric
    for metrics in (PLATFORM, CatalogContainer.metrics(), OrdersContainer.metrics(), RewardsContainer.metrics())
    for metric in metrics
}
SPREAD = ("p50", "p95", "p99")


class Of(Enum):
    """Of what AWS measures it, each by itself."""

    FUNCTION = "AWS/Lambda"
    API = "AWS/ApiGateway"
    TABLE = "AWS/DynamoDB"
    OPERATION = "AWS/DynamoDB, by operation"
    RULE = "AWS/Events"
    REGION = "AWS/Events, of all buses of the region"
    QUEUE = "AWS/SQS"
    DEAD_QUEUE = "AWS/SQS, of the dead-letter queue"

    @property
    def namespace(self) -> str:
        """Where CloudWatch has it."""
        return self.value.partition(",")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A row: `seed` if it is a line of the seed's picture, in its words."""

    name: str
    of: Of | None = None
    aws: Sequence[str] = ()  # names of its metrics
    ours: Sequence[str] = ()  # names of declared metrics
    stats: Sequence[str] = ("Sum",)  # of what AWS measures
    seed: bool = False
    says: str = ""


GROUPS: dict[str, Sequence[Figure]] = {
    "Lambda": (
        Figure(name="Invocations", of=Of.FUNCTION, aws=("Invocations",), seed=True),
        Figure(name="Duration (p50, p95, p99)", of=Of.FUNCTION, aws=("Duration",), stats=SPREAD, seed=True),
        Figure(name="Errors", of=Of.FUNCTION, aws=("Errors",), seed=True),
        Figure(name="Throttles", of=Of.FUNCTION, aws=("Throttles",), seed=True),
        Figure(
            name="Concurrent Executions", of=Of.FUNCTION, aws=("ConcurrentExecutions",), stats=("Maximum",), seed=True
        ),
    ),
    "API Gateway": (
        Figure(
            name="Request Count",
            of=Of.API,
            aws=("Count",),
            ours=("http_requests",),
            seed=True,
            says="ours by context, method, route and status",
        ),
        Figure(name="4xx Errors", of=Of.API, aws=("4xx",), seed=True),
        Figure(name="5xx Errors", of=Of.API, aws=("5xx",), seed=True),
        Figure(
            name="Latency (p50, p95, p99)",
            of=Of.API,
            aws=("Latency", "IntegrationLatency"),
            ours=("http_request_duration_seconds",),
            stats=SPREAD,
            seed=True,
            says="ours inside the function",
        ),
        Figure(
            name="Cache Hit Rate",
            seed=True,
            says="an HTTP API has no cache: see that of ours, below",
        ),
    ),
    "DynamoDB": (
        Figure(
            name="Read/Write Capacity",
            of=Of.TABLE,
            aws=("ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits"),
            seed=True,
        ),
        Figure(
            name="Throttled Requests",
            of=Of.TABLE,
            aws=("ReadThrottleEvents", "WriteThrottleEvents"),
            ours=("shop_aws_calls",),
            seed=True,
            says="ours: result `throttled`; without an answer `unanswered`, without a connection `unreached`",
        ),
        Figure(
            name="Latency",
            of=Of.OPERATION,
            aws=("SuccessfulRequestLatency",),
            ours=("shop_aws_call_seconds",),
            stats=("Average",),
            seed=True,
            says="ours with the network",
        ),
        Figure(name="Item Count", seed=True, says="no metric: DescribeTable tells it, six hours old"),
        Figure(
            name="Conditions and conflicts",
            of=Of.TABLE,
            aws=("ConditionalCheckFailedRequests", "TransactionConflict"),
            says="of every engine: shop_writes, below",
        ),
    ),
    "EventBridge": (
        Figure(
            name="Events Published",
            of=Of.REGION,
            aws=("PutEventsEntriesCount",),
            ours=("shop_events_published", "shop_events_committed"),
            seed=True,
            says="committed: in the outbox",
        ),
        Figure(
            name="Events Failed",
            of=Of.REGION,
            aws=("PutEventsFailedEntriesCount",),
            seed=True,
            says="the outbox keeps what was not taken",
        ),
        Figure(name="Rule Invocations", of=Of.RULE, aws=("Invocations", "FailedInvocations"), seed=True),
    ),
    "Custom metrics": (
        Figure(name="Cache hit rate", ours=("shop_catalog_reads",), seed=True, says="by the layer that answered"),
        Figure(
            name="Circuit breaker state changes",
            ours=("shop_circuit_changes", "shop_circuit_opened", "shop_circuit"),
            seed=True,
            says="the state itself is of one process: Prometheus alone",
        ),
        Figure(
            name="Business metrics (orders created, revenue)",
            ours=("shop_orders", "shop_revenue"),
            seed=True,
            says="that an order is confirmed is no event: `shop_reservations`",
        ),
        Figure(name="Error types distribution", ours=("shop_problems", "shop_delivery_errors"), seed=True),
    ),
    "The business, further": (
        Figure(name="Orders cancelled, by why", ours=("shop_cancellations",)),
        Figure(name="Payments and refunds", ours=("shop_payments", "shop_refunds")),
        Figure(name="Reservations", ours=("shop_reservations",)),
        Figure(name="Points", ours=("shop_points",)),
    ),
    "Deliveries": (
        Figure(name="Failed: tried again, dead", ours=("shop_events_retried", "shop_events_dead")),
        Figure(
            name="Delivered, and how long after the event",
            ours=("shop_events_delivered", "shop_delivery_delay_seconds"),
            says="of `product.price.changed` to orders: until the old price is in no memory of that process",
        ),
        Figure(
            name="Oldest that waits",
            of=Of.QUEUE,
            aws=("ApproximateAgeOfOldestMessage",),
            ours=("shop_oldest_delivery_overdue_seconds",),
            stats=("Maximum",),
        ),
        Figure(
            name="Dead letters",
            of=Of.DEAD_QUEUE,
            aws=("ApproximateNumberOfMessagesVisible",),
            ours=("shop_deliveries",),
            stats=("Maximum",),
            says="ours: those that wait too",
        ),
        Figure(name="Relays behind", of=Of.FUNCTION, aws=("IteratorAge",), stats=("Maximum",)),
    ),
    "Storage": (
        Figure(name="Writes, by how they ended", ours=("shop_writes",), says="conflicts are run again"),
        Figure(name="How long a write takes", ours=("shop_write_seconds",), says="DynamoDB's latency, above"),
        Figure(
            name="Acts per sync of the disk",
            ours=("shop_store_group_size", "shop_store_units", "shop_store_commits"),
            says="the embedded store's",
        ),
    ),
    "The cache, further": (
        Figure(
            name="Revalidated, coalesced, dropped",
            ours=(
                "shop_catalog_reads_revalidated",
                "shop_catalog_reads_coalesced",
                "shop_catalog_reads_invalidated",
            ),
        ),
    ),
}


def rows() -> Iterator[Figure]:
    """All of them."""
    for figures in GROUPS.values():
        yield from figures


def in_prometheus(name: str) -> str:
    """As Prometheus calls it."""
    return f"{name}_total" if DECLARED[name].kind is Kind.COUNTER else name


def table() -> str:
    """The table as Markdown."""
    return "\n".join([_HEAD, *(line for group in GROUPS for line in _lines(group))]) + "\n"


_HEAD = """\
# Figures

Made by `make infra` from `figures.py`; a test compares. A server tells all of ours at `/metrics`; a function those
that have a name under CloudWatch, in namespace `shop/<stack>`, with the dimension `context` and those in brackets.
✓ a line of the seed's picture («Monitoring & Observability») that there is, ✗ one that there is not.

| | figure | AWS measures | Prometheus | CloudWatch | |
|---|---|---|---|---|---|"""


def _lines(group: str) -> Iterator[str]:
    yield f"| | **{group}** | | | | |"
    for one in GROUPS[group]:
        told = "" if not one.seed else "✓" if one.aws or one.ours else "✗"
        aws = f"{one.of.value}: {', '.join(one.aws)}" if one.of else ""
        scraped = ", ".join(f"`{in_prometheus(name)}`" for name in one.ours)
        embedded = ", ".join(_embedded(DECLARED[name]) for name in one.ours if DECLARED[name].dimensions is not None)
        yield f"| {told} | {one.name} | {aws} | {scraped} | {embedded} | {one.says} |"


def _embedded(metric: Metric) -> str:
    by = f" [{', '.join(metric.dimensions)}]" if metric.dimensions else ""
    return f"`{metric.name}`{by}"
