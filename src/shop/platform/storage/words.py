"""The one tokenizer: how texts become words, the same for every engine, when writing and when asking."""

from __future__ import annotations

import re
import unicodedata

from shop.platform.storage.port import MOST_WORDS, Put, TooMuch

PREFIX_FROM = 3  # letters; shorter words match whole

_WORD = re.compile(r"[^\W_]+")


def fold(text: str) -> list[str]:
    """`"Café-Crème XL"` → `["cafe", "creme", "xl"]`: case and accents do not count."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return _WORD.findall("".join(c for c in plain if not unicodedata.combining(c)))


def folded(put: Put) -> dict[str, str]:
    """What is searched: field → words as they are compared; `TooMuch` if they are too many."""
    words = {field: fold(text) for field, text in put.words.items()}
    if len({word for of_field in words.values() for word in of_field}) > MOST_WORDS:
        raise TooMuch(f"{put.key} has more than {MOST_WORDS} distinct words to search by")
    return {field: " ".join(of_field) for field, of_field in words.items() if of_field}
