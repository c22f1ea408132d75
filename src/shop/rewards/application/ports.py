"""What rewards needs from the world."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from shop.kernel.events import Cause, Event
from shop.kernel.idempotency import Guard, Once
from shop.rewards.domain.account import Account
from shop.rewards.domain.entry import Entry, Kind


class Ledger(Protocol):
    """The accounts and their entries. A page comes with the place where the next one begins, None after the last."""

    async def account(self, customer_id: str) -> Account:
        """The account; an empty one (`seq` 0) of a customer who never earned."""

    async def entry(self, *, customer_id: str, source: str, rule: str, kind: Kind) -> Entry | None:
        """This entry, if it is in the ledger."""

    async def led_to(self, once: Once) -> str | None:
        """What this request was answered, if it came before; `KeyReused` if its key came with another."""

    async def save(
        self,
        account: Account,
        entries: Sequence[Entry],
        *,
        events: Sequence[Event],
        guard: Guard | None = None,
        cause: Cause,
    ) -> None:
        """Save the account as read and changed, its new entries, their events and the guard, all or nothing."""

    async def entries(self, customer_id: str, *, after: str | None, limit: int) -> tuple[list[Entry], str | None]:
        """A page of a customer's entries, newest first."""

    async def last_entry(self, customer_id: str, *, until: str) -> Entry | None:
        """A customer's newest entry of that moment (RFC 3339, six decimals) or before."""

    async def expiring(self, month: str, *, after: str | None) -> tuple[list[str], str | None]:
        """A page of ids of customers whose oldest points expire in this month; look at each before you believe it."""

    def every_account(self) -> AsyncIterator[Account]:
        """All accounts, by customer; for checks."""

    def every_entry(self) -> AsyncIterator[Entry]:
        """All entries, by customer; for checks."""
