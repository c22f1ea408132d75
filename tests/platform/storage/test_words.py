"""The one tokenizer: how texts become the words that are searched by."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.platform.storage.words import fold


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Café-Crème XL", ["cafe", "creme", "xl"]),
        ("cafe\u0301", ["cafe"]),
        ("Große STRASSE", ["grosse", "strasse"]),
        ("İstanbul", ["istanbul"]),
        ("T-1000_v2 (2/3)", ["t", "1000", "v2", "2", "3"]),
        ("\N{LATIN SMALL LIGATURE FI}ne \N{BLACK-LETTER CAPITAL H}at \N{ROMAN NUMERAL FOUR}", ["fine", "hat", "iv"]),
        ("Чай Ёлка", ["чаи", "елка"]),
        ("茶壶", ["茶壶"]),
        ("", []),
        (" _-!\u0000\n", []),
    ],
)
def test_a_text_becomes_plain_words(text: str, words: list[str]) -> None:
    assert fold(text) == words


@given(text=st.text())
def test_words_that_were_folded_stay_as_they_are(text: str) -> None:
    words = fold(text)

    assert fold(" ".join(words)) == words


@given(text=st.text())
def test_case_does_not_count(text: str) -> None:
    assert fold(text.casefold()) == fold(text)


@given(one=st.text(), other=st.text())
def test_a_space_parts_words(one: str, other: str) -> None:
    assert fold(f"{one} {other}") == fold(one) + fold(other)
