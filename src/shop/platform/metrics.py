"""What is counted of the machinery; what a context counts of its business stands in its `presentation/figures.py`.

Each series in CloudWatch is paid for, so it gets what AWS does not measure itself, and no count of what a histogram
counts already.
"""

from __future__ import annotations

from shop.platform.figures import Metric, counter, gauge, histogram

_DELAYS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600)  # seconds
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)

# Requests. `context` is whose route it is; `shop` where it is nobody's.
REQUESTS = counter("http_requests", "Requests answered.", "context", "method", "route", "status")
REQUEST_SECONDS = histogram(
    "http_request_duration_seconds",
    "From the request's head to the answer's.",
    *("context", "method", "route"),
    dimensions=(),
)
PROBLEMS = counter(
    "shop_problems",
    "Requests not done, by the problem's code: a refusal, a fault of ours, or one to be tried later.",
    *("context", "kind", "code"),
    dimensions=("code",),
)

# Storage
WRITES = counter(
    "shop_writes",
    "What acts and reactions wrote in one go, by how that ended.",
    *("context", "result"),
    dimensions=("result",),
)
WRITE_SECONDS = histogram("shop_write_seconds", "Until it was on disk, or refused.", "context")
STORE_UNITS = counter("shop_store_units", "Acts committed, and deliveries ended.")
STORE_COMMITS = counter("shop_store_commits", "Syncs of the disk: each commits many units.")
GROUP_SIZE = histogram("shop_store_group_size", "Units per sync of the disk.", bounds=_SIZES, unit="Count")
AWS_CALLS = counter(
    "shop_aws_calls",
    "Calls of AWS by how they ended: unreached without a connection, unanswered without an answer.",
    *("service", "operation", "result"),
)
AWS_CALL_SECONDS = histogram("shop_aws_call_seconds", "Until AWS answered, or could not.", "service", "operation")

# Events
EVENTS_COMMITTED = counter("shop_events_committed", "Events in the store with what caused them.", "type")
EVENTS_PUBLISHED = counter("shop_events_published", "Events that the bus has for its consumers.", "type", dimensions=())
EVENTS_DELIVERED = counter("shop_events_delivered", "Deliveries that had their effect.", "type", "consumer")
EVENTS_RETRIED = counter(
    "shop_events_retried", "Deliveries that failed and are tried again.", "type", "consumer", dimensions=()
)
EVENTS_DEAD = counter(
    "shop_events_dead", "Deliveries that failed for the last time.", "type", "consumer", dimensions=()
)
DELIVERY_ERRORS = counter(
    "shop_delivery_errors", "Failed deliveries by the kind of error.", "consumer", "error", dimensions=("error",)
)
DELIVERY_DELAY = histogram(
    "shop_delivery_delay_seconds",
    "From the event to its effect. Of product.price.changed to orders: until no old price is in memory.",
    *("type", "consumer"),
    bounds=_DELAYS,
    dimensions=(),
)
DELIVERIES = gauge("shop_deliveries", "Deliveries that are not ended.", "state")
OVERDUE_SECONDS = gauge("shop_oldest_delivery_overdue_seconds", "By how much.")

# How one context reads another
READS = counter("shop_catalog_reads", "Products that orders asked for.", "answered_by", dimensions=("answered_by",))
REVALIDATED = counter("shop_catalog_reads_revalidated", "Answers that still held: 304 of the origin.", dimensions=())
COALESCED = counter("shop_catalog_reads_coalesced", "Reads that joined one under way.", dimensions=())
INVALIDATED = counter("shop_catalog_reads_invalidated", "Tags whose answers were dropped.", dimensions=())
CIRCUIT = gauge("shop_circuit", "1 for the state that calls meet now.", "to", "state")
CIRCUIT_OPENED = counter("shop_circuit_opened", "How often it was opened.", "to")
CIRCUIT_CHANGES = counter(
    "shop_circuit_changes", "Changes of its state, by the new one.", "to", "state", dimensions=("to", "state")
)

PLATFORM: tuple[Metric, ...] = (
    *(REQUESTS, REQUEST_SECONDS, PROBLEMS),
    *(WRITES, WRITE_SECONDS, STORE_UNITS, STORE_COMMITS, GROUP_SIZE, AWS_CALLS, AWS_CALL_SECONDS),
    *(EVENTS_COMMITTED, EVENTS_PUBLISHED, EVENTS_DELIVERED, EVENTS_RETRIED, EVENTS_DEAD),
    *(DELIVERY_ERRORS, DELIVERY_DELAY, DELIVERIES, OVERDUE_SECONDS),
    *(READS, REVALIDATED, COALESCED, INVALIDATED, CIRCUIT, CIRCUIT_OPENED, CIRCUIT_CHANGES),
)
