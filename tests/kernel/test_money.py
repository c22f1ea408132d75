"""Amounts: read, written, rounded and added without ever losing a minor unit."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.kernel.errors import Invalid
from shop.kernel.money import CURRENCIES, MOST, CurrenciesDiffer, Money, NotMoney, decimal_text, exponent

currencies = st.sampled_from(sorted(CURRENCIES))
one_of_each_exponent = st.sampled_from(["JPY", "EUR", "KWD"])
minors = st.integers(-MOST, MOST)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("29.99", "EUR", 2999),
        ("29.9", "EUR", 2990),
        ("29", "EUR", 2900),
        ("0", "EUR", 0),
        ("-0.01", "EUR", -1),
        ("007", "EUR", 700),
        ("500", "JPY", 500),
        ("1.234", "KWD", 1234),
        ("10000000000000.00", "EUR", MOST),
    ],
)
def test_an_amount_is_read_as_whole_minor_units(text: str, currency: str, minor: int) -> None:
    assert Money.parse(text, currency) == Money(minor, currency)


@given(minor=minors, currency=currencies)
def test_an_amount_that_was_written_is_read_back_as_it_was(minor: int, currency: str) -> None:
    money = Money(minor, currency)

    assert Money.parse(str(money), currency) == money


@given(minor=minors, currency=currencies)
def test_an_amount_is_written_with_all_the_decimals_of_its_currency(minor: int, currency: str) -> None:
    text = str(Money(minor, currency))

    _, _, decimals = text.partition(".")
    assert len(decimals) == exponent(currency)
    assert Decimal(text).scaleb(exponent(currency)) == minor


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (2999, "EUR", "29.99"),
        (-5, "EUR", "-0.05"),
        (0, "EUR", "0.00"),
        (5, "JPY", "5"),
        (-5, "JPY", "-5"),
        (5, "BHD", "0.005"),
        (-12345, "BHD", "-12.345"),
    ],
)
def test_amounts_are_written_as_people_write_them(minor: int, currency: str, text: str) -> None:
    assert decimal_text(minor, currency) == text


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "-", "--5", "+5", ".", ".5", "5.", "-.5", "1.2.3", "5-", "- 5", " 5", "5 ", "5\n", "5\x00",
        "1e3", "1E3", "2.5e1", "1e400", "0x10", "1_000", "1,000", "1,000.00", "29,99", "1 000", "€5", "5 EUR",
        "NaN", "sNaN", "nan", "Infinity", "-Infinity", "inf", "-inf", "None", "null", "true",
        "\u0665", "\u0665.\u0660\u0660", "5.\u0660", "\uff15", "\u00b2", "\u00bd", "\u22125", "5\u20240",
        "29.999", "0.001", "9" * 19, "1" * 100_000, "0." + "0" * 100_000,
    ],
)  # fmt: skip
@pytest.mark.parametrize("currency", ["JPY", "EUR"])
def test_a_text_that_is_no_amount_is_refused(text: str, currency: str) -> None:
    with pytest.raises(NotMoney) as refused:
        Money.parse(text, currency)

    assert len(refused.value.detail) < 200


@pytest.mark.parametrize(("text", "currency"), [("1.5", "JPY"), ("0.005", "EUR"), ("0.0005", "KWD")])
def test_more_decimals_than_the_currency_has_are_refused(text: str, currency: str) -> None:
    with pytest.raises(NotMoney, match="decimals"):
        Money.parse(text, currency)


@given(text=st.text(max_size=30) | st.from_regex(r"[-+ ]?[0-9.,eE_]{0,25}", fullmatch=True), currency=currencies)
def test_any_text_is_an_amount_or_refused_as_none(text: str, currency: str) -> None:
    try:
        money = Money.parse(text, currency)
    except NotMoney:
        return
    assert Decimal(text).scaleb(exponent(currency)) == money.minor


@pytest.mark.parametrize("code", ["", "eur", "EURO", "XXX", "BTC", "€", "EU", "EUR ", "DEM"])
def test_an_unknown_currency_is_refused(code: str) -> None:
    with pytest.raises(NotMoney, match="ISO 4217"):
        Money.parse("1", code)


def test_an_amount_beyond_what_every_store_can_add_up_is_refused() -> None:
    assert Money.parse(decimal_text(MOST, "EUR"), "EUR").minor == MOST
    with pytest.raises(NotMoney):
        Money.parse(decimal_text(MOST + 1, "EUR"), "EUR")
    with pytest.raises(NotMoney):
        Money.rounded(Decimal(MOST + 1), "JPY")


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("0.005", "EUR", 0),
        ("0.015", "EUR", 2),
        ("0.025", "EUR", 2),
        ("-0.015", "EUR", -2),
        ("-0.025", "EUR", -2),
        ("0.0250000001", "EUR", 3),
        ("2.5", "JPY", 2),
        ("3.5", "JPY", 4),
        ("0.0025", "KWD", 2),
        ("0.0035", "KWD", 4),
        ("0.00500000000000000000000000000000001", "EUR", 1),
    ],
)
def test_halves_are_rounded_to_even(amount: str, currency: str, minor: int) -> None:
    assert Money.rounded(Decimal(amount), currency) == Money(minor, currency)


@given(amount=st.decimals(-(10**9), 10**9, places=6), currency=one_of_each_exponent)
def test_rounding_is_off_by_half_a_minor_unit_at_most(amount: Decimal, currency: str) -> None:
    money = Money.rounded(amount, currency)

    with localcontext(prec=60):
        exact = amount.scaleb(exponent(currency))
        assert abs(exact - money.minor) <= Decimal("0.5")
        assert money.minor == int(exact.to_integral_value(rounding=ROUND_HALF_EVEN))


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-Infinity", "1E+999999999", "1E+30"])
def test_what_is_no_amount_cannot_be_rounded(amount: str) -> None:
    with pytest.raises(NotMoney):
        Money.rounded(Decimal(amount), "EUR")


@given(minors=st.lists(st.integers(-(10**12), 10**12)), currency=currencies)
def test_the_sum_of_amounts_is_the_amount_of_the_sums(minors: list[int], currency: str) -> None:
    total = Money(0, currency)
    for minor in minors:
        total = total + Money(minor, currency)

    assert total == Money(sum(minors), currency)
    for minor in minors:
        total = total - Money(minor, currency)
    assert total == Money(0, currency)


@given(minor=st.integers(-(10**9), 10**9), times=st.integers(0, 10_000), currency=currencies)
def test_an_amount_taken_several_times_is_the_same_as_added_up(minor: int, times: int, currency: str) -> None:
    assert (Money(minor, currency) * times).minor == sum([minor] * times)


@given(one=minors, other=minors, currency=currencies)
def test_amounts_are_ordered_by_their_minor_units(one: int, other: int, currency: str) -> None:
    a, b = Money(one, currency), Money(other, currency)

    assert (a < b, a <= b, a > b, a >= b, a == b) == (
        one < other,
        one <= other,
        one > other,
        one >= other,
        one == other,
    )


def test_two_currencies_neither_add_up_nor_compare() -> None:
    euros, yen = Money(1, "EUR"), Money(1, "JPY")

    for mix in (euros.__add__, euros.__sub__, euros.__lt__, euros.__le__):
        with pytest.raises(CurrenciesDiffer):
            mix(yen)
    assert euros != yen


@pytest.mark.parametrize(
    ("minor", "currency", "units"),
    [(2999, "EUR", 29), (99, "EUR", 0), (-2999, "EUR", -29), (-99, "EUR", 0), (29, "JPY", 29), (2999, "BHD", 2)],
)
def test_whole_units_are_cut_towards_zero(minor: int, currency: str, units: int) -> None:
    assert Money(minor, currency).whole_units == units


def test_exponents_are_those_of_iso_4217() -> None:
    assert [exponent(code) for code in ("JPY", "KRW", "ISK", "CLP")] == [0, 0, 0, 0]
    assert [exponent(code) for code in ("EUR", "USD", "HUF", "MGA")] == [2, 2, 2, 2]
    assert [exponent(code) for code in ("KWD", "BHD", "TND", "OMR")] == [3, 3, 3, 3]
    assert {exponent(code) for code in CURRENCIES} == {0, 2, 3}


def test_what_is_wrong_with_money_is_wrong_with_what_was_sent() -> None:
    assert issubclass(NotMoney, Invalid)
    assert NotMoney.code == "not-money"
    assert issubclass(CurrenciesDiffer, Invalid)
