"""Guards of idempotent requests, as documents `key/…` beside what the requests led to."""

from __future__ import annotations

from datetime import datetime

import msgspec

from shop.kernel.idempotency import Guard, Once
from shop.platform.storage.port import Put, Records, Stored

_encode = msgspec.json.Encoder().encode
_guard = msgspec.json.Decoder(Guard).decode


async def led_to(records: Records, once: Once) -> str | None:
    """What this request has led to, if it came before; `KeyReused` if its key came with another one."""
    stored = await records.get(f"key/{once.key}")
    return once.result_of(_guard(stored.body)) if stored else None


def put_guard(guard: Guard, *, expires: datetime | None = None) -> Put:
    """To be committed with the effect; of copies at once all but one meet a `Conflict`, run again and find it."""
    return Put(key=f"key/{guard.key}", body=_encode(guard), was=0, expires=expires)


def put_anew(stored: Stored) -> Put:
    """The put that a guard comes from; its expiry is not in it."""
    return put_guard(_guard(stored.body))
