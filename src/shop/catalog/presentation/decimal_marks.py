"""Amounts as people write them, `1.234,50`: never guessed, for a price times 1000 is worse than a question."""

import re
from collections.abc import Sequence

from shop.kernel.money import NotMoney, exponent

_GROUP = 3  # digits between two marks of thousands
_MARKS = {",": ".", ".": ","}
_WHOLE = re.compile(r"-?([0-9]+|[0-9]{1,3}([.,'\u2019\s][0-9]{3})+)")


def mark_of(amounts: Sequence[str], currency: str) -> str | None:
    """The decimal mark of a file: the one its amounts show beyond doubt. None: they show both, or neither."""
    shown = {_shown(amount) for amount in amounts} - {None}
    if not shown and exponent(currency) == _GROUP and not any("," in amount for amount in amounts):
        return "."
    return shown.pop() if len(shown) == 1 else None


def with_point(text: str, mark_of_file: str | None) -> str:
    """`1.234,50` → `1234.50`. `NotMoney` where that is no amount, or could be two."""
    mark = _shown(text) or mark_of_file
    if mark is None and ("." in text or "," in text):
        raise NotMoney(f"{text[:40]!r} may be thousands or decimals; write it with two decimals, like 1234.00")
    whole, _, decimals = text.partition(mark) if mark else (text, "", "")
    if not _WHOLE.fullmatch(whole) or not re.fullmatch("[0-9]*", decimals):
        raise NotMoney(f"{text[:40]!r} is no amount; write it like 1234.50")
    digits = re.sub(r"[.,'\u2019\s]", "", whole)
    return f"{digits}.{decimals}" if decimals else digits


def _shown(text: str) -> str | None:
    """The decimal mark of one amount, if there can be no other reading of it: not in `1.234`, not in `1,234`."""
    marks = [letter for letter in text if letter in _MARKS]
    if not marks:
        return None
    if len(marks) == 1:
        whole, _, decimals = text.partition(marks[0])
        digits = whole.strip().removeprefix("-")
        doubtful = len(decimals) == _GROUP and 1 <= len(digits) <= _GROUP and not digits.startswith("0")
        return None if doubtful else marks[0]
    return marks[-1] if len(set(marks)) > 1 else _MARKS[marks[0]]
