"""Money: whole minor units of an ISO 4217 currency; a decimal string on the wire, never a float."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from shop.kernel.errors import Invalid

# ISO 4217, active codes (2026). The exponent is the number of decimals; 2 unless named here.
_NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
_CODES = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD
    CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS
    GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW
    KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR
    MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR
    SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX
    USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES = frozenset(_CODES.split())
_EXPONENTS = {**dict.fromkeys(_NO_DECIMALS.split(), 0), **dict.fromkeys(_THREE_DECIMALS.split(), 3)}
MOST_DIGITS = 20
MOST = 10**15  # minor units; keeps sums inside the 64-bit whole numbers of every store


class NotMoney(Invalid):
    """A text that is no amount of its currency, or a currency that ISO 4217 does not know."""

    code = "not-money"


class CurrenciesDiffer(Invalid):
    """Two currencies where only one can be."""

    code = "currencies-differ"


def exponent(currency: str) -> int:
    """Decimals of a currency: 0, 2 or 3. `NotMoney` if ISO 4217 has no such code."""
    if currency not in CURRENCIES:
        raise NotMoney(f"{currency!r} is no ISO 4217 currency code")
    return _EXPONENTS.get(currency, 2)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in whole minor units: `Money(2999, "EUR")` is 29.99 euros."""

    minor: int
    currency: str

    @classmethod
    def parse(cls, text: str, currency: str) -> Money:
        """Read `"29.99"`. No exponent, no thousands marks, no more decimals than the currency has."""
        places = exponent(currency)
        amount = _decimal(text)
        minor = amount.scaleb(places)
        if minor != minor.to_integral_value():
            raise NotMoney(f"{text!r} has more decimals than {currency} has ({places})")
        return cls(_within(int(minor), text), currency)

    @classmethod
    def rounded(cls, amount: Decimal, currency: str) -> Money:
        """The one rounding rule: half to even, on the currency's smallest unit, once per line."""
        places = exponent(currency)
        try:
            rounded = amount.quantize(Decimal((0, (1,), -places)), rounding=ROUND_HALF_EVEN)
            minor = int(rounded.scaleb(places))
        except (InvalidOperation, ValueError) as error:
            raise NotMoney(f"{str(amount)[:40]} is beyond what an amount may be") from error
        return cls(_within(minor, str(amount)), currency)

    def __str__(self) -> str:
        """The wire form, without the currency: `"29.99"`."""
        return decimal_text(self.minor, self.currency)

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other).minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other).minor, self.currency)

    def __mul__(self, times: int) -> Money:
        return Money(self.minor * times, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other).minor

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same(other).minor

    @property
    def whole_units(self) -> int:
        """Whole units of the currency, cut towards zero: 29 of 29.99 euros."""
        units = int(abs(self.minor) // 10 ** exponent(self.currency))
        return units if self.minor >= 0 else -units

    def _same(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise CurrenciesDiffer(f"{self.currency} and {other.currency} do not add up")
        return other


def decimal_text(minor: int, currency: str) -> str:
    """`2999, "EUR"` → `"29.99"`; `5, "JPY"` → `"5"`."""
    places = exponent(currency)
    if not places:
        return str(minor)
    digits = str(abs(minor)).rjust(places + 1, "0")
    return f"{'-' if minor < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def _decimal(text: str) -> Decimal:
    digits = text.removeprefix("-")
    whole, _, decimals = digits.partition(".")
    ascii_digits = digits.isascii() and whole.isdigit() and (decimals.isdigit() or "." not in digits)
    if not ascii_digits or len(digits) > MOST_DIGITS:
        raise NotMoney(f"{text[:40]!r} is no amount: write it like 29.99")
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise NotMoney(f"{text[:40]!r} is no amount: write it like 29.99") from error


def _within(minor: int, text: str) -> int:
    if abs(minor) > MOST:
        raise NotMoney(f"{text[:40]} is beyond what an amount may be")
    return minor
