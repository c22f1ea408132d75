"""Points whose month is over are taken off the accounts that nothing else has happened to."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from shop.kernel.clock import Clock, rfc3339
from shop.kernel.events import Cause
from shop.rewards.application.announcements import announced
from shop.rewards.application.ports import Ledger
from shop.rewards.domain.months import month_of, months_before

_log = structlog.get_logger("shop.rewards")
_MONTHS = 36  # looked back: so long may nobody have run this


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpirePoints:
    """Each account in a commit of its own, so it may stop anywhere, and one that cannot be read or saved keeps no other
    from it; what was found is read again before it is decided.

    Write set, of each: account, an entry per month; events `reward.expired`. No balance waits for this: see `Account`.
    """

    ledger: Ledger
    clock: Clock

    async def __call__(self, *, cause: Cause) -> int:
        """How many accounts have lost points now."""
        at, expired = rfc3339(self.clock()), 0
        for month in months_before(month_of(at), count=_MONTHS):
            after, more = None, True
            while more:
                customers, after = await self.ledger.expiring(month, after=after)
                for customer_id in customers:
                    try:
                        expired += await self._expire(customer_id, at, cause)
                    except Exception:  # noqa: BLE001 - it is tried again with the next run
                        _log.warning("points.not_expired", exc_info=True)
                more = after is not None
        return expired

    async def _expire(self, customer_id: str, at: str, cause: Cause) -> bool:
        account, entries = (await self.ledger.account(customer_id)).expire(at=at)
        if entries:
            await self.ledger.save(account, entries, events=[*map(announced, entries)], cause=cause)
        return bool(entries)
