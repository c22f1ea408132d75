"""What is counted of stock, by what is published of it."""

from shop.catalog.contract import StockRejected, StockReserved
from shop.platform.figures import Counting, counter

RESERVATIONS = counter(
    "shop_reservations", "Orders whose goods were set aside, or not.", "result", dimensions=("result",)
)
METRICS = (RESERVATIONS,)
COUNTING: Counting = {
    StockReserved.TYPE: (RESERVATIONS, "reserved"),
    StockRejected.TYPE: (RESERVATIONS, "rejected"),
}
