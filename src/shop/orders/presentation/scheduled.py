"""What orders does every so often."""

from dataclasses import dataclass
from datetime import timedelta

from shop.kernel.events import Cause
from shop.orders.application.expire_orders import ExpireOrders
from shop.orders.application.nudge_orders import PERIOD, NudgeOrders
from shop.platform.bus import Job, Jobs


@dataclass(frozen=True, kw_only=True)
class OrdersJobs:
    """The jobs of orders."""

    expire_orders: ExpireOrders
    nudge_orders: NudgeOrders

    def table(self) -> Jobs:
        """`{name: job}`."""
        return {
            "expire-orders": Job(every=timedelta(minutes=1), run=self._expire),
            "nudge-orders": Job(every=PERIOD, run=self._nudge),
        }

    async def _expire(self, cause: Cause) -> None:
        await self.expire_orders(cause=cause)

    async def _nudge(self, cause: Cause) -> None:
        await self.nudge_orders(cause=cause)
