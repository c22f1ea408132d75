"""What one order asks of AWS, and what goes on by itself; each figure says where it is from.

An order here has one line, is paid, and is looked at twice. Items are those of the acts' commits.
"""

from __future__ import annotations

from dataclasses import dataclass

from infra.house import Context

TRANSACTION = 2  # write units per KB in a transaction
ORDER_KB = 2  # an order's document with its timeline, rounded up


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """A commit: what it writes, in KB of items, and which places in indexes it puts or takes back."""

    name: str
    items: tuple[int, ...]
    places: int = 0
    reads: int = 0  # consistent, of 4 KB
    events: int = 0

    @property
    def write_units(self) -> int:
        """An index is not part of the transaction: its writes count once."""
        return TRANSACTION * sum(self.items) + self.places


ACTS = (
    # order, key, outbox; places: customer, status, due
    Act(name="CreateOrder", items=(ORDER_KB, 1, 1), places=3, reads=1, events=1),
    # reservation, stock, outbox, inbox
    Act(name="ReserveStock", items=(1, 1, 1, 1), reads=2, events=1),
    # order, inbox; its status moves
    Act(name="RecordStock", items=(ORDER_KB, 1), places=2, reads=1),
    # payment and outbox; a place among the payments
    Act(name="TakePayment", items=(1, 1), places=1, reads=2, events=1),
    # order, outbox, inbox; its status moves, it is not due any more
    Act(name="RecordPayment", items=(ORDER_KB, 1, 1), places=3, reads=1, events=1),
    # reservation, stock, inbox
    Act(name="SellStock", items=(1, 1, 1), reads=1),
    # entry, account, outbox, inbox; places: ledger, expiring
    Act(name="EarnPoints", items=(1, 1, 1, 1), places=2, reads=1, events=1),
    # order, inbox
    Act(name="NotePoints", items=(ORDER_KB, 1), reads=1),
)
RELAYED = 2  # write units per event: into the log, out of the outbox
DELIVERIES = 6  # created and completed: catalog · completed: rewards · reserved, paid, points: orders
QUEUE_REQUESTS = 3  # of a delivery: sent, received, deleted
LOOKS = 2  # at the order, by who placed it
REQUESTS = 2 + LOOKS  # placing, the provider's webhook
CATALOG_READS = 2  # read units of a product and its stock

# Seconds, warm, as billed; memory as in the template. Taken as double what was measured here in process, or more.
API_SECONDS, CONSUMER_SECONDS, RELAY_SECONDS, JOB_SECONDS, CATALOG_SECONDS = 0.06, 0.06, 0.10, 0.06, 0.02
API_GB, OTHER_GB = 1.0, 0.5
LOGGED_KB = 1.8  # per invocation: our line, Lambda's three, and 0.8 of figures
POLLS_A_MINUTE = 15  # of a queue with nothing in it: five pollers that wait for 20 s
SWEPT = 16  # read units of a look into an empty outbox


# Series of each of our metrics in CloudWatch, in an hour with orders and nothing wrong: contexts, times what they tell
# apart. A currency, code or error more is one more; what fails adds some.
SERIES = {
    "http_request_duration_seconds": 4,
    "shop_problems": 6,  # some codes of refusals
    "shop_writes": 3 * 3,  # committed, conflict, already-consumed
    "shop_events_published": 3,
    "shop_events_retried": 1,  # a fact that came before the one it builds on
    "shop_events_dead": 0,
    "shop_delivery_errors": 1,
    "shop_delivery_delay_seconds": 3,
    "shop_catalog_reads": 3,  # stale only in an outage
    "shop_catalog_reads_revalidated": 1,
    "shop_catalog_reads_coalesced": 0,  # a function has one request at a time
    "shop_catalog_reads_invalidated": 1,
    "shop_circuit_changes": 0,
    "shop_orders": 4,
    "shop_cancellations": 4,
    "shop_revenue": 1,  # one currency
    "shop_refunds": 1,
    "shop_payments": 2,
    "shop_reservations": 2,
    "shop_points": 4,
}


def runs_a_day(contexts: list[Context]) -> int:
    """Of all jobs."""
    return sum(round(24 * 3600 / every.total_seconds()) for one in contexts for every in one.jobs.values())
