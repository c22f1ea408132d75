"""The kinds of documents that rewards keeps, and how each is put."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from shop.platform.storage.documents import Documents
from shop.platform.storage.guards import put_anew
from shop.platform.storage.port import Put, Stored
from shop.rewards.domain.account import Account
from shop.rewards.domain.entry import Entry
from shop.rewards.infrastructure.store import LAYOUT, put_account, put_entry

_account = msgspec.json.Decoder(Account).decode
_entry = msgspec.json.Decoder(Entry).decode


def _held(stored: Stored) -> Put:
    account = _account(stored.body)
    return put_account(replace(account, version=account.version - 1))


DOCUMENTS = Documents(
    layout=LAYOUT,
    puts={"account": _held, "entry": lambda stored: put_entry(_entry(stored.body)), "key": put_anew},
)
