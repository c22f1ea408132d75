"""The ledger in the document store: one account per customer, one document per entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from shop.kernel.clock import Clock
from shop.kernel.events import Cause, Event, Publisher
from shop.platform.storage.port import Layout, Put, Records
from shop.rewards.domain.account import Account, Entry

LAYOUT = Layout(context="rewards", indexes={"expiring": 8, "ledger": 1})

_encode = msgspec.json.Encoder().encode
_account = msgspec.json.Decoder(Account).decode
_entry = msgspec.json.Decoder(Entry).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerStore:
    """`account/…` and `entry/{customer}/{source}/{rule}/{kind}`."""

    records: Records
    publish: Publisher
    clock: Clock

    async def account(self, customer_id: str) -> Account:
        """The account; an empty one of a customer who never earned."""
        stored = await self.records.get(f"account/{customer_id}")
        return _account(stored.body) if stored else Account(customer_id=customer_id)

    async def holds(self, *, customer_id: str, source: str, rule: str, kind: str) -> bool:
        """Whether this entry is in the ledger."""
        return await self.records.get(f"entry/{customer_id}/{source}/{rule}/{kind}") is not None

    async def save(self, account: Account, entries: Sequence[Entry], *, events: Sequence[Event], cause: Cause) -> None:
        """Save the account as read and changed, its new entries and their events, all or nothing."""
        at = self.clock()
        await self.records.commit(
            puts=[put_account(account), *map(put_entry, entries)],
            events=[self.publish(event, at=at, cause=cause) for event in events],
            consumed=cause.delivery,
        )

    async def entries(self, customer_id: str, *, after: str | None, limit: int) -> tuple[list[Entry], str | None]:
        """A customer's entries, newest first, and where the next page begins."""
        page = await self.records.find("ledger", customer_id, newest_first=True, after=after, limit=limit)
        return [_entry(stored.body) for stored in page.found], page.after


def put_account(account: Account) -> Put:
    """An account as read and changed."""
    soonest = min((month for month, points in account.lots.items() if points), default=None)
    return Put(
        key=f"account/{account.customer_id}",
        body=_encode(replace(account, version=account.version + 1)),
        was=account.version,
        indexes={"expiring": (soonest, account.customer_id)} if soonest else {},
    )


def put_entry(entry: Entry) -> Put:
    """A new entry."""
    return Put(
        key=f"entry/{entry.customer_id}/{entry.source}/{entry.rule}/{entry.kind}",
        body=_encode(entry),
        was=0,
        indexes={"ledger": (entry.customer_id, f"{entry.at}#{entry.seq:012d}")},
    )
