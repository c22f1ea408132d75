"""What there is in the shop, by the names that its API gives it, so that what is asked is not always a 404."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

CURRENCY = "EUR"
CATEGORIES = ("Home", "Home/Kitchen", "Garden")
CUSTOMERS = ("ada", "ben", "zoe")
STAPLES = tuple(f"staple-{number}" for number in range(6))  # are sold, and stay as they are
EXPENDABLE = tuple(f"expendable-{number}" for number in range(6))  # may be changed and archived
SOLD_OUT = "sold-out"

_AMOUNTS = ("9.99", "9.99", "12.50", "120.00", "0.5", "1")
_ALWAYS: Mapping[str, tuple[Any, ...]] = {
    "productId": (*STAPLES, *STAPLES, *EXPENDABLE, SOLD_OUT),
    "customerId": CUSTOMERS,
    "ids": (*STAPLES, ",".join(STAPLES), f"{SOLD_OUT},none,{EXPENDABLE[0]}"),
    "category": CATEGORIES,
    "group": ("tea",),
    "sku": STAPLES,
    "groupId": ("tea", None),
    "q": ("staple", "smo", "tea house", "exp"),
    "at": ("2026-11-23T04:00:00Z", "2020-01-01T00:00:00.5Z", "2999-01-01T00:00:00Z"),
    "basePrice": _AMOUNTS,
    "discountedPrice": (None, None, "0.50", "9.99"),
    "expectedTotal": (None, None, None, "9.99", "19.98"),
    "amount": ("0.01", "0.01", "1.00", "9.99"),
    "currency": (CURRENCY,),
    "quantity": (1, 1, 2, 3),
    "points": (1, 1, 5, 100),
    "delta": (1, 1000, -1),
    "onHand": (100_000, 5),
}
_ODD_AMOUNTS = ("0", "-1", "-0.00", "1.005", "1e3", "٣", "99999999999999", "9" * 30, "NaN", "0x1", "1_0", " 1", "1\n")
_ODD: Mapping[str, tuple[Any, ...]] = {
    "productId": ("none", "a" * 100, "a" * 101, "..", "ä", "%00", "a b"),
    "customerId": ("nobody", "a" * 5000, "ädä", "..", "%2F", "a\nb"),
    "category": ("", "/", "A//B", "A/" * 50, " "),
    "q": ("", "*", '"', "a" * 1000, "AND OR NOT", "äöü ß", "\0"),
    "at": ("2026-11-23T04:00:00+01:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "now", "2026-02-30"),
    "cursor": ("", "none", "AAAA", "9" * 500),
    "currency": ("JPY", "KWD", "USD", "XXX", "eur", ""),
    "quantity": (0, -1, 1_000_000, 1_000_001, 2**63, 2**64),
    "points": (10**9, 0),
    "delta": (0, 10**12, -(10**12), 2**63, -(2**63) - 1),
    "onHand": (0, -1, 10**12, 2**63, 2**64),
    **dict.fromkeys(("basePrice", "discountedPrice", "expectedTotal", "amount"), _ODD_AMOUNTS),
}
_LEARNT = {"productId", "orderId", "paymentId", "groupId", "sku"}
_BESIDES = {"refundedTotal": "refunded", "owedBack": "owed back", "creditUsed": "with credit"}
_MOST_RECENT = 64


@dataclass
class Known:
    """Values by the name of the field or parameter that takes them: always there, or seen in recent answers."""

    recent: dict[str, deque[Any]] = field(default_factory=lambda: defaultdict(lambda: deque(maxlen=_MOST_RECENT)))
    etags: dict[str, str] = field(default_factory=dict)  # by product
    orders: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # as they were answered last
    next_pages: dict[str, tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=dict)  # path, query
    standings: Counter[str] = field(default_factory=Counter)  # how orders stood when they were answered

    def learn(self, answer: object, etag: str | None = None) -> None:
        """Remember what was answered."""
        for view in _objects(answer):
            for name in _LEARNT & view.keys():
                recent = self.recent[name]
                if view[name] and view[name] not in recent:
                    recent.append(view[name])
            if {"orderId", "status", "lines", "total"} <= view.keys():  # no event of one, which says less
                self.orders[view["orderId"]] = view
                self.standings[standing(view)] += 1
        if etag and isinstance(answer, Mapping) and "productId" in answer:
            self.etags[answer["productId"]] = etag

    def turn(self, operation: str, path: dict[str, Any], query: dict[str, Any], answer: object) -> None:
        """Remember where the next page is."""
        if isinstance(answer, Mapping) and answer.get("nextCursor"):
            self.next_pages[operation] = path, query | {"cursor": answer["nextCursor"]}

    def some(self, name: str, random: Random) -> Any:
        """A value of this name; `KeyError` if there is none."""
        if name in _ODD and random.random() < 0.04:
            return random.choice(_ODD[name])
        always, recent = _ALWAYS.get(name, ()), self.recent.get(name, ())
        if recent and (not always or random.random() < 0.3):
            return random.choice(recent)
        if not always:
            raise KeyError(name)
        return random.choice(always)

    def order(self, random: Random, *, status: str = "") -> Mapping[str, Any]:
        """One of the latest orders, and of those that stand so, if there is any."""
        latest = list(self.orders.values())[-_MOST_RECENT:]
        return random.choice([order for order in latest if status in {"", order["status"]}] or latest)

    def filled(self, value: Any, random: Random, share: float) -> Any:
        """What was made up, with so much of what has a name here replaced by what there is."""
        if isinstance(value, list):
            return [self.filled(one, random, share) for one in value]
        if isinstance(value, Mapping):
            return {name: self._named(name, one, random, share) for name, one in value.items()}
        return value

    def _named(self, name: str, value: Any, random: Random, share: float) -> Any:
        if isinstance(value, list | dict) or random.random() >= share:
            return self.filled(value, random, share)
        try:
            return self.some(name, random)
        except KeyError:
            return value


def standing(order: Mapping[str, Any]) -> str:
    """How an order stands, with what its status alone does not say."""
    besides = [said for name, said in _BESIDES.items() if order.get(name)]
    return ", ".join([order["status"], *besides])


def _objects(answer: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(answer, Mapping):
        yield answer
        for value in answer.values():
            yield from _objects(value)
    elif isinstance(answer, list):
        for value in answer:
            yield from _objects(value)
