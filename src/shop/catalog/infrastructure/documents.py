"""The kinds of documents that catalog keeps, and how each is put."""

from __future__ import annotations

import msgspec

from shop.catalog.domain.price import PriceEntry
from shop.catalog.domain.product import Product
from shop.catalog.domain.reservation import Reservation
from shop.catalog.domain.stock import Movement
from shop.catalog.infrastructure.reservations import put_reservation
from shop.catalog.infrastructure.store import LAYOUT, put_movement, put_price, put_product
from shop.catalog.infrastructure.upgrades import UPGRADES
from shop.platform.storage.documents import Documents
from shop.platform.storage.guards import put_anew
from shop.platform.storage.port import Put, Stored

_product = msgspec.json.Decoder(Product).decode
_price = msgspec.json.Decoder(PriceEntry).decode
_movement = msgspec.json.Decoder(Movement).decode
_reservation = msgspec.json.Decoder(Reservation).decode


def _reserved(stored: Stored) -> Put:
    return put_reservation(_reservation(stored.body), at=stored.at)


DOCUMENTS = Documents(
    layout=LAYOUT,
    puts={
        "product": lambda stored: put_product(_product(stored.body)),
        "price": lambda stored: put_price(_price(stored.body)),
        "movement": lambda stored: put_movement(_movement(stored.body)),
        "reservation": _reserved,
        "restock": _reserved,
        "key": put_anew,
    },
    upgrades=UPGRADES,
)
