"""What a product must be, and what a change of it is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.catalog.domain.price import DiscountAboveBase, NegativePrice, Price
from shop.catalog.domain.product import NotACategory, NotAProductId, Product, TextNotFit, TooManyAttributes
from shop.kernel.errors import Invalid
from shop.kernel.money import CurrenciesDiffer, Money, NotMoney

THEN = datetime(2026, 11, 23, tzinfo=UTC)
NOW = datetime(2026, 11, 24, tzinfo=UTC)
TEN = Price(Money(1000, "EUR"))


@pytest.fixture
def a_product(details):
    def make(product_id="saw-1", price=TEN, **other):
        return Product.create(product_id=product_id, details=details(**other), price=price, at=THEN)

    return make


def test_a_product_is_what_its_owner_says(a_product):
    product = a_product(price=Price(Money(2999, "EUR"), Money(1999, "EUR")), supplier_id="acme")

    assert (product.sku, product.category, product.supplier_id) == ("SAW-1", "Tools/Saws", "acme")
    assert (product.base_price, product.discounted_price, product.currency) == (2999, 1999, "EUR")
    assert (product.status, product.version, product.updated_at) == ("active", 0, THEN)


@pytest.mark.parametrize("product_id", ["a", "A-1._~@", "x" * 100])
def test_an_id_that_stands_in_an_address_is_taken(a_product, product_id):
    assert a_product(product_id).product_id == product_id


@pytest.mark.parametrize("product_id", ["", "a/b", "a b", "ä", "x" * 101, "a\n"])
def test_any_other_id_is_refused(a_product, product_id):
    with pytest.raises(NotAProductId):
        a_product(product_id)


@pytest.mark.parametrize(
    ("field", "text", "refusal"),
    [
        ("name", "", TextNotFit),
        ("name", "  ", TextNotFit),
        ("name", "x" * 201, TextNotFit),
        ("name", "a\0b", TextNotFit),
        ("sku", "", TextNotFit),
        ("supplierId", "x" * 201, TextNotFit),
        ("description", "x" * (64 * 1024 + 1), TextNotFit),
        ("category", "", NotACategory),
        ("category", "/A", NotACategory),
        ("category", "A//B", NotACategory),
        ("category", "A/ B", NotACategory),
        ("category", "A\0B", NotACategory),
        ("category", "ä" * 201, NotACategory),
    ],
)
def test_a_text_that_does_not_fit_is_refused_with_its_field(a_product, field, text, refusal):
    name = {"supplierId": "supplier_id"}.get(field, field)

    with pytest.raises(refusal) as refused:
        a_product(**{name: text})

    assert refused.value.errors[0]["field"] == field


def test_attributes_are_free_but_bounded(a_product):
    assert a_product(attributes={"any": [1, {"thing": None}]}).attributes == {"any": [1, {"thing": None}]}
    with pytest.raises(TooManyAttributes):
        a_product(attributes={"x": "y" * 32 * 1024})


def test_a_change_keeps_the_rest(a_product):
    before = a_product(name="Saw", supplier_id="acme")

    after = before.change({"name": "Better saw"}, at=NOW)

    assert (after.name, after.supplier_id, after.product_id) == ("Better saw", "acme", before.product_id)
    assert after.updated_at == NOW


def test_a_change_to_what_it_is_is_none(a_product):
    before = a_product(name="Saw")

    assert before.change({"name": "Saw"}, at=NOW) is before
    assert before.reprice(TEN, at=NOW) is before


def test_a_change_is_checked_like_a_new_product(a_product):
    with pytest.raises(TextNotFit):
        a_product().change({"name": ""}, at=NOW)


@given(base=st.integers(0, 10**12), discounted=st.integers(0, 10**12))
def test_a_discounted_price_is_never_above_the_base_price(base, discounted):
    try:
        price = Price(Money(base, "EUR"), Money(discounted, "EUR"))
    except DiscountAboveBase:
        assert discounted > base
    else:
        assert price.discounted is not None
        assert price.discounted <= price.base


@pytest.mark.parametrize(
    ("base", "discounted", "currency", "refusal"),
    [
        ("-1", None, "EUR", NegativePrice),
        ("1", "-0.01", "EUR", NegativePrice),
        ("1.001", None, "EUR", NotMoney),
        ("1.5", None, "JPY", NotMoney),
        ("1", None, "EURO", NotMoney),
        ("1", "1.01", "EUR", DiscountAboveBase),
    ],
)
def test_a_price_that_is_none_is_refused(base, discounted, currency, refusal):
    with pytest.raises(refusal):
        Price.parse(base=base, discounted=discounted, currency=currency)


def test_a_price_has_one_currency():
    with pytest.raises(CurrenciesDiffer):
        Price(Money(2, "EUR"), Money(1, "USD"))


def test_every_refusal_is_the_fault_of_what_was_sent():
    refusals = (NotAProductId, TextNotFit, NotACategory, TooManyAttributes, NegativePrice, DiscountAboveBase)

    assert all(issubclass(refusal, Invalid) for refusal in refusals)
    assert len({refusal.code for refusal in refusals}) == len(refusals)
