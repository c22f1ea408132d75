"""What must be so of every answer, whatever failed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from outage.customers import CHANGED, FIRST_PRICE, KNOWN, Asked, Price
from torture.checks import Check

_REFUSED = 503


def verdict(
    asked: Sequence[Asked],
    *,
    prices: Mapping[str, Sequence[Price]],
    away: tuple[float, float],
    latest: float,
    grace: float,
) -> list[Check]:
    """`away`: from when to when an order may be refused; `latest`: seconds for a 503; `grace`: for an old price."""
    refused = [one for one in asked if not one.accepted]
    known = [one for one in asked if one.kind == KNOWN]
    changed = [one for one in asked if one.kind == CHANGED and one.accepted]
    return [
        Check("answered with 201, or with 503 as problem+json and Retry-After", len(asked), list(_otherwise(asked))),
        Check("what had been read before was accepted at any time", len(known), [
            _told(one) for one in known if not one.accepted
        ]),
        Check("refused only until the catalog was back and the breaker had tried it", len(refused), [
            _told(one) for one in refused if not away[0] <= one.answered <= away[1]
        ]),
        Check("refused within the budget", len(refused), [_told(one) for one in refused if one.seconds > latest]),
        Check("at a price that held, or had for a moment", len(changed), list(_old_prices(changed, prices, grace))),
    ]  # fmt: skip


def prices_of(product: str, prices: Mapping[str, Sequence[Price]]) -> list[tuple[int, float, float]]:
    """Each price it had: cents, and from when to when it could be seen."""
    all_of_them = [Price(FIRST_PRICE, 0.0, 0.0), *prices.get(product, ())]
    ends = [*(one.acknowledged for one in all_of_them[1:]), float("inf")]
    return [(one.cents, one.sent, end) for one, end in zip(all_of_them, ends, strict=True)]


def _otherwise(asked: Sequence[Asked]) -> Iterator[str]:
    for one in asked:
        answer = one.answer
        problem = answer.headers.get("content-type", "").startswith("application/problem+json")
        again = answer.headers.get("retry-after", "")
        if not one.accepted and not (answer.status == _REFUSED and problem and again.isdecimal() and int(again) > 0):
            yield f"{_told(one)}, Retry-After {again!r}"


def _old_prices(changed: Sequence[Asked], prices: Mapping[str, Sequence[Price]], grace: float) -> Iterator[str]:
    for one in changed:
        line: dict[str, Any] = msgspec.json.decode(one.answer.body)["lines"][0]
        cents = int(Decimal(line["unitPrice"]) * 100)
        held = prices_of(line["productId"], prices)
        if not any(
            price == cents and since <= one.answered and one.sent <= till + grace for price, since, till in held
        ):
            yield f"{one.key}: {line['productId']} at {line['unitPrice']}; it had {held[-3:]}, asked at {one.sent}"


def _told(one: Asked) -> str:
    return f"{one.key} ({one.kind}): {one.answer.status} after {one.seconds:.2f} s, {one.answer.body[:200]!r}"
