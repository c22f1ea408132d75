"""`GET /events` of all contexts, on AWS: it reads the log that their relays write."""

from __future__ import annotations

from shop.catalog import contract as catalog_contract
from shop.kernel.clock import Clock
from shop.orders import contract as orders_contract
from shop.platform.aws import Aws
from shop.platform.feed import FeedApi, types_of
from shop.platform.settings import Settings
from shop.platform.storage.dynamodb_log import DynamoLog
from shop.rewards import contract as rewards_contract


def feed_of(aws: Aws, *, settings: Settings, clock: Clock) -> FeedApi:
    """The feed of the contexts that share this stack."""
    types = types_of(catalog_contract, orders_contract, rewards_contract)
    log = DynamoLog(aws=aws, stack=settings.stack, clock=clock, keep=settings.event_retention)
    return FeedApi(log=log, types=types)
