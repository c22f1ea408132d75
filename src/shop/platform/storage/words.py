"""The one tokenizer: how texts become words, the same for every engine, when writing and when asking."""

from __future__ import annotations

import re
import unicodedata

PREFIX_FROM = 3  # letters; shorter words match whole

_WORD = re.compile(r"[^\W_]+")


def fold(text: str) -> list[str]:
    """`"Café-Crème XL"` → `["cafe", "creme", "xl"]`: case and accents do not count."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return _WORD.findall("".join(c for c in plain if not unicodedata.combining(c)))
