"""What rewards needs from the world."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from shop.kernel.events import Cause, Event
from shop.rewards.domain.account import Account, Entry


class Ledger(Protocol):
    """The accounts and their entries."""

    async def account(self, customer_id: str) -> Account:
        """The account; an empty one of a customer who never earned."""

    async def holds(self, *, customer_id: str, source: str, rule: str, kind: str) -> bool:
        """Whether this entry is in the ledger."""

    async def save(self, account: Account, entries: Sequence[Entry], *, events: Sequence[Event], cause: Cause) -> None:
        """Save the account as read and changed, its new entries and their events, all or nothing."""

    async def entries(self, customer_id: str, *, after: str | None, limit: int) -> tuple[list[Entry], str | None]:
        """A customer's entries, newest first, and where the next page begins."""
