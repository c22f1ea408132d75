"""Refusals carry what their reader needs."""

from __future__ import annotations

import pytest

from shop.kernel import errors
from shop.kernel.errors import Clash, Invalid, NotYet, Refusal


def test_a_refusal_says_why_and_where() -> None:
    refusal = Invalid(
        "the quantity is not above 0",
        errors=[{"detail": "must be above 0", "pointer": "/items/0/quantity"}],
        extra={"most": 99},
        retry_after=2.0,
    )

    assert str(refusal) == refusal.detail == "the quantity is not above 0"
    assert refusal.errors == ({"detail": "must be above 0", "pointer": "/items/0/quantity"},)
    assert refusal.extra == {"most": 99}
    assert refusal.retry_after == 2.0


def test_a_refusal_needs_no_more_than_a_sentence() -> None:
    refusal = Clash("it was sent already")

    assert (refusal.errors, refusal.extra, refusal.retry_after) == ((), {}, None)


def test_every_kind_has_a_stable_code_of_its_own() -> None:
    kinds = Refusal.__subclasses__()
    kernel_kinds = [kind for kind in kinds if kind.__module__ == errors.__name__]

    assert len({kind.code for kind in kernel_kinds}) == len(kernel_kinds) == 8


def test_a_fact_that_came_too_early_is_no_refusal() -> None:
    with pytest.raises(NotYet):
        raise NotYet("parcel.sent before parcel.packed")
    assert not issubclass(NotYet, Refusal)
