"""Whether the accounts are what their ledgers say."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

from shop.rewards.application.ports import Ledger
from shop.rewards.domain.account import Account
from shop.rewards.domain.entry import Entry, Kind

_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Reads everything and changes nothing; what is booked while it reads does not disturb it."""

    ledger: Ledger

    async def __call__(self) -> AsyncIterator[str]:
        """A sentence for each difference it finds."""
        async for account in self.ledger.every_account():
            for difference in _differences(account, await self._entries(account)):
                yield f"account {account.customer_id}: {difference}"
        known = ""
        async for entry in self.ledger.every_entry():
            if entry.customer_id != known and not (await self.ledger.account(entry.customer_id)).seq:
                yield f"account {entry.customer_id}: there is none, and there are entries of it"
            known = entry.customer_id

    async def _entries(self, account: Account) -> Sequence[Entry]:
        """The oldest first; without those that came after the account was read."""
        entries, after, more = list[Entry](), None, True
        while more:
            page, after = await self.ledger.entries(account.customer_id, after=after, limit=_PAGE)
            entries += [entry for entry in page if entry.seq <= account.seq]
            more = after is not None
        return entries[::-1]


def _differences(account: Account, entries: Sequence[Entry]) -> Iterator[str]:
    come_to = sum(entry.points for entry in entries)
    left = sum(account.left.values())
    if account.balance != come_to:
        yield f"the balance is {account.balance}, its entries come to {come_to}"
    if account.balance != left - account.debt:
        yield f"the balance is {account.balance}, its lots have {left}, its debt is {account.debt}"
    if [entry.seq for entry in entries] != list(range(1, account.seq + 1)):
        yield f"it has booked {account.seq} entries, and {len(entries)} are there, not numbered from 1 without gaps"
    yield from _wrong_balances(entries)
    yield from _wrong_reversals(entries)


def _wrong_balances(entries: Sequence[Entry]) -> Iterator[str]:
    for before, entry in zip((None, *entries), entries, strict=False):
        expected = (before.balance_after if before else 0) + entry.points
        if entry.balance_after != expected:
            yield f"entry {entry.seq} says the balance after it was {entry.balance_after}, it was {expected}"
        if before and entry.at < before.at:
            yield f"entry {entry.seq} is older than the one before it"


def _wrong_reversals(entries: Sequence[Entry]) -> Iterator[str]:
    earned = {entry.seq: entry for entry in entries if entry.kind is Kind.EARN}
    taken_back: Counter[int] = Counter()
    for entry in entries:
        if entry.kind is not Kind.REVERSE:
            continue
        reversed_ = earned.get(entry.reverses or 0)
        if reversed_ is None or (reversed_.order_id, reversed_.rule) != (entry.order_id, entry.rule):
            yield f"entry {entry.seq} reverses entry {entry.reverses}, by which {entry.order_id} earned nothing"
        else:
            taken_back[reversed_.seq] -= entry.points
    for seq, points in taken_back.items():
        if points > earned[seq].points:
            yield f"of the {earned[seq].points} points of entry {seq}, {points} were taken back"
