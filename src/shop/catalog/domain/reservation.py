"""The reservation saga, decided purely.

    order.created    reserving → reserved, or rejecting → rejected
    order.cancelled  releasing → released
    order.completed  shipping → shipped
    order.refunded   restocking → restocked, in a document of the refund's own

The -ing states move a pointer through the lines, as many in one commit as it has room for; the others are at rest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from shop.kernel.errors import NotYet

Status = Literal[
    "reserving", "reserved", "rejecting", "rejected", "releasing", "released",
    "shipping", "shipped", "restocking", "restocked",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """So many of one product."""

    product_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Shortage:
    """More was wanted of a product than there was."""

    product_id: str
    wanted: int
    available: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Lines of one order, or of one refund, on their way between the counters; each product stands in one line.

    `done` lines have been taken (reserving to released), shipped, or put back (restocking).
    """

    key: str
    order_id: str
    status: Status
    lines: tuple[Line, ...] = ()
    done: int = 0
    short: tuple[Shortage, ...] = ()
    version: int = 0

    @property
    def at_rest(self) -> bool:
        """Nothing is left to do until another fact comes."""
        return self.status not in _MOTIONS

    @property
    def held(self) -> tuple[Line, ...]:
        """What is set aside for the order: not available, still on hand."""
        if self.status in ("restocking", "restocked"):
            return ()
        return self.lines[self.done :] if self.status in ("shipping", "shipped") else self.lines[: self.done]

    @property
    def shipped(self) -> tuple[Line, ...]:
        """What has left the house for the order."""
        return self.lines[: self.done] if self.status in ("shipping", "shipped") else ()

    @property
    def restocked(self) -> tuple[Line, ...]:
        """What has come back into the house by the refund."""
        return self.lines[: self.done] if self.status in ("restocking", "restocked") else ()


@dataclass(frozen=True, slots=True)
class Created:
    """An order was placed."""

    order_id: str
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Cancelled:
    """An order is not to be."""

    order_id: str


@dataclass(frozen=True, slots=True)
class Completed:
    """An order is reserved and paid."""

    order_id: str


@dataclass(frozen=True, slots=True)
class Refunded:
    """Goods of an order came back."""

    order_id: str
    refund_id: str
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Overdue:
    """Whoever moved this reservation has not come back."""

    key: str


Fact = Created | Cancelled | Completed | Refunded | Overdue


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """From `before` to `after` in one commit. `turned`: products that go in or out of stock by it, foretold."""

    before: Reservation
    after: Reservation
    changes: Mapping[str, Mapping[str, int]]  # product -> counter -> by how much
    turned: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Motion:
    unit: Mapping[str, int]  # what one piece does to the counters
    to: Status
    forward: bool = True  # which way the pointer goes


_MOTIONS: Mapping[Status, _Motion] = {
    "reserving": _Motion({"available": -1}, "reserved"),
    "rejecting": _Motion({"available": 1}, "rejected", forward=False),
    "releasing": _Motion({"available": 1}, "released", forward=False),
    "shipping": _Motion({"onHand": -1, "sold": 1}, "shipped"),
    "restocking": _Motion({"onHand": 1, "available": 1, "sold": -1}, "restocked"),
}


def advance(reservation: Reservation | None, fact: Fact, *, room: int, available: Mapping[str, int]) -> Step | None:
    """The next step; None: at rest. `room` is for changes and for events about products, `available` what was read.

    `NotYet` when the fact builds on one that has not come.
    """
    before = _begun(fact, available) if reservation is None else _turned(reservation, fact)
    if before is not None and not before.at_rest:
        return _stride(before, room=room, available=available)
    return Step(before=before, after=before, changes={}) if before is not None and reservation is None else None


def turn_back(step: Step, refused: Collection[str], *, room: int, available: Mapping[str, int]) -> Step:
    """What to do instead of a step that the counters refused: give back what was taken before it."""
    if step.before.status != "reserving":
        raise NotYet(f"{step.before.key} is {step.before.status}, but the counters of {sorted(refused)} are too low")
    # What was read since may have risen again: it was at most one too few when it was refused.
    short = tuple(
        Shortage(line.product_id, line.quantity, min(available.get(line.product_id, 0), line.quantity - 1))
        for line in step.before.lines
        if line.product_id in refused
    )
    return _stride(replace(step.before, status="rejecting", short=short), room=room, available=available)


def key_of(fact: Fact) -> str:
    """Of the reservation that a fact is about."""
    match fact:
        case Overdue(key):
            return key
        case Refunded(_, refund_id):
            return f"restock/{refund_id}"
        case _:
            return f"reservation/{fact.order_id}"


def merged(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Each product in one line."""
    quantities: dict[str, int] = {}
    for line in lines:
        quantities[line.product_id] = quantities.get(line.product_id, 0) + line.quantity
    return tuple(Line(product_id, quantity) for product_id, quantity in quantities.items())


def _begun(fact: Fact, available: Mapping[str, int]) -> Reservation | None:
    key = key_of(fact)
    match fact:
        case Created(order_id, lines):
            return _wanted(key, order_id, merged(lines), available)
        case Cancelled(order_id):
            return Reservation(key=key, order_id=order_id, status="released")
        case Refunded(order_id, _, lines):
            return Reservation(key=key, order_id=order_id, status="restocking", lines=merged(lines)) if lines else None
        case Completed(order_id):
            raise NotYet(f"{order_id} is completed, but nothing is known of its reservation")
        case Overdue():
            return None


def _wanted(key: str, order_id: str, lines: tuple[Line, ...], available: Mapping[str, int]) -> Reservation:
    """Scarcest first: what is most likely to be refused is refused before much is taken."""
    lines = tuple(sorted(lines, key=lambda line: (available.get(line.product_id, 0), line.product_id)))
    short = tuple(
        Shortage(line.product_id, line.quantity, there)
        for line in lines
        if (there := available.get(line.product_id, 0)) < line.quantity
    )
    return Reservation(
        key=key, order_id=order_id, status="rejected" if short else "reserving", lines=lines, short=short
    )


def _turned(reservation: Reservation, fact: Fact) -> Reservation:
    match fact, reservation.status:
        case Cancelled(), "reserving" | "reserved":
            return replace(reservation, status="releasing")
        case Completed(), "reserved":
            return replace(reservation, status="shipping", done=0)
        case Completed(), "reserving":
            raise NotYet(f"{reservation.order_id} is completed, but not yet reserved")
        case _:
            return reservation


def _stride(before: Reservation, *, room: int, available: Mapping[str, int]) -> Step:
    """As many lines as there is room for, and one at least."""
    motion = _MOTIONS[before.status]
    ahead = before.lines[before.done :] if motion.forward else before.lines[: before.done][::-1]
    per_piece = motion.unit.get("available", 0)
    changes: dict[str, Mapping[str, int]] = {}
    turned: list[str] = []
    for line in ahead:
        there = available.get(line.product_id)
        turns = there is not None and (there > 0) != (there + per_piece * line.quantity > 0)
        room -= 2 if turns else 1
        if room < 0 and changes:
            break
        changes[line.product_id] = {counter: n * line.quantity for counter, n in motion.unit.items()}
        if turns:
            turned.append(line.product_id)
    done = before.done + len(changes) if motion.forward else before.done - len(changes)
    status = motion.to if len(changes) == len(ahead) else before.status
    return Step(before=before, after=replace(before, status=status, done=done), changes=changes, turned=tuple(turned))
