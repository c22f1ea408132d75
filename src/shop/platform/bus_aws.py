"""The bus on AWS: outbox → `Relay` → EventBridge → a queue per context → `Consumer`, in Lambda or behind a `Poller`.

At least once, in any order, with one dead-letter queue per context for both hops. ADR 14.
"""

from __future__ import annotations

from shop.platform.bus_aws_consumer import Consumer
from shop.platform.bus_aws_entries import events_of_stream
from shop.platform.bus_aws_poller import Poller
from shop.platform.bus_aws_relay import Relay, Unpublished

__all__ = ["Consumer", "Poller", "Relay", "Unpublished", "events_of_stream"]
