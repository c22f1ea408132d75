"""The kinds of documents that orders keeps, and how each is put."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from shop.orders.application.ports import CreditNote, Payment
from shop.orders.domain.order import Order
from shop.orders.infrastructure.store import LAYOUT, put_note, put_order, put_payment
from shop.orders.infrastructure.upgrades import UPGRADES
from shop.platform.storage.documents import Documents
from shop.platform.storage.guards import put_anew
from shop.platform.storage.port import Put, Stored

_order = msgspec.json.Decoder(Order).decode
_payment = msgspec.json.Decoder(Payment).decode
_note = msgspec.json.Decoder(CreditNote).decode


def _ordered(stored: Stored) -> Put:
    order = _order(stored.body)
    return put_order(replace(order, version=order.version - 1))


def _paid(stored: Stored) -> Put:
    return put_payment(_payment(stored.body))


DOCUMENTS = Documents(
    layout=LAYOUT,
    puts={
        "order": _ordered,
        "payment": _paid,
        "refused": _paid,
        "credited": lambda stored: put_note(_note(stored.body)),
        "key": put_anew,
    },
    upgrades=UPGRADES,
)
