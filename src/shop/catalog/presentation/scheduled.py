"""What catalog does every so often."""

from dataclasses import dataclass
from datetime import timedelta

from shop.catalog.application.finish_reservations import FinishReservations
from shop.kernel.events import Cause
from shop.platform.bus import Job, Jobs


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogJobs:
    """Catalog's jobs."""

    finish_reservations: FinishReservations

    def table(self) -> Jobs:
        """Name → job."""
        return {"finish-reservations": Job(every=timedelta(minutes=5), run=self._finish)}

    async def _finish(self, cause: Cause) -> None:
        await self.finish_reservations(cause=cause)
