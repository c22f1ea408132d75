"""What rewards does every so often."""

from dataclasses import dataclass
from datetime import timedelta

from shop.kernel.events import Cause
from shop.platform.bus import Job, Jobs
from shop.rewards.application.expire_points import ExpirePoints


@dataclass(frozen=True, kw_only=True)
class RewardsJobs:
    """The jobs of rewards."""

    expire_points: ExpirePoints

    def table(self) -> Jobs:
        """`{name: job}`."""
        return {"expire-points": Job(every=timedelta(minutes=10), run=self._expire)}

    async def _expire(self, cause: Cause) -> None:
        await self.expire_points(cause=cause)
