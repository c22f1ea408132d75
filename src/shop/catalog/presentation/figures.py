"""What is counted of stock, by what is published of it."""

from shop.catalog.contract import StockRejected, StockReserved
from shop.kernel.events import Envelope
from shop.platform.figures import Counting, Figures, counter

RESERVATIONS = counter(
    "shop_reservations", "Orders whose goods were set aside, or not.", "result", dimensions=("result",)
)
METRICS = (RESERVATIONS,)


def _reserved(_: Envelope, figures: Figures) -> None:
    figures.count(RESERVATIONS, "reserved")


def _rejected(_: Envelope, figures: Figures) -> None:
    figures.count(RESERVATIONS, "rejected")


COUNTING: Counting = {StockReserved.TYPE: _reserved, StockRejected.TYPE: _rejected}
