"""The ledger in the document store: one account per customer, one document per entry."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import msgspec

from shop.kernel.clock import Clock
from shop.kernel.events import Cause, Event, Publisher
from shop.kernel.idempotency import Guard, Once
from shop.platform.storage.guards import led_to, put_guard
from shop.platform.storage.port import HIGHEST, Layout, Put, Records
from shop.platform.storage.scanned import scanned
from shop.rewards.domain.account import Account
from shop.rewards.domain.entry import Entry, Kind

LAYOUT = Layout(
    context="rewards",
    indexes={
        "expiring": 8,  # the month of the oldest points that are left -> customer
        "ledger": 1,  # customer -> at#seq
    },
)
_GUARDED_FOR = timedelta(hours=48)
_EXPIRED_AT_ONCE = 100  # accounts of a page

_encode = msgspec.json.Encoder().encode
_account = msgspec.json.Decoder(Account).decode
_entry = msgspec.json.Decoder(Entry).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerStore:
    """`account/…`, `entry/{customer}/{source}/{rule}/{kind}` and, of redemptions, `key/…`."""

    records: Records
    publish: Publisher
    clock: Clock

    async def account(self, customer_id: str) -> Account:
        """The account; an empty one of a customer who never earned."""
        stored = await self.records.get(f"account/{customer_id}")
        return _account(stored.body) if stored else Account(customer_id=customer_id)

    async def entry(self, *, customer_id: str, source: str, rule: str, kind: Kind) -> Entry | None:
        """This entry, if it is in the ledger."""
        stored = await self.records.get(f"entry/{customer_id}/{source}/{rule}/{kind}")
        return _entry(stored.body) if stored else None

    async def led_to(self, once: Once) -> str | None:
        """What this request was answered, if it came before; `KeyReused` if its key came with another."""
        return await led_to(self.records, once)

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
        at = self.clock()
        guards = [put_guard(guard, expires=at + _GUARDED_FOR)] if guard else []
        await self.records.commit(
            puts=[put_account(account), *map(put_entry, entries), *guards],
            events=[self.publish(event, at=at, cause=cause) for event in events],
            consumed=cause.delivery,
        )

    async def entries(self, customer_id: str, *, after: str | None, limit: int) -> tuple[list[Entry], str | None]:
        """A page of a customer's entries, newest first."""
        page = await self.records.find("ledger", customer_id, newest_first=True, after=after, limit=limit)
        return [_entry(stored.body) for stored in page.found], page.after

    async def last_entry(self, customer_id: str, *, until: str) -> Entry | None:
        """A customer's newest entry of that moment (RFC 3339, six decimals) or before."""
        high = f"{until}#{HIGHEST}"
        page = await self.records.find("ledger", customer_id, high=high, newest_first=True, limit=1)
        return _entry(page.found[0].body) if page.found else None

    async def expiring(self, month: str, *, after: str | None) -> tuple[list[str], str | None]:
        """A page of ids of customers whose oldest points expire in this month; look at each before you believe it."""
        page = await self.records.find("expiring", month, after=after, limit=_EXPIRED_AT_ONCE)
        return [stored.key.removeprefix("account/") for stored in page.found], page.after

    async def every_account(self) -> AsyncIterator[Account]:
        """All accounts, by customer; for checks."""
        async for stored in scanned(self.records, "account/"):
            yield _account(stored.body)

    async def every_entry(self) -> AsyncIterator[Entry]:
        """All entries, by customer; for checks."""
        async for stored in scanned(self.records, "entry/"):
            yield _entry(stored.body)


def put_account(account: Account) -> Put:
    """An account as read and changed."""
    soonest = next(iter(account.left), None)
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
