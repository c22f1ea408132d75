"""Ids made of what a file has: SKUs, handles, values of options."""

import hashlib
import re
import unicodedata

LONGEST_ID = 100


def fitting(text: str) -> str:
    """`text` in the letters an id may have; letters that it cannot keep, a hash keeps apart."""
    folded = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    plain = "".join(letter for letter in folded if not unicodedata.combining(letter))
    fit = re.sub(r"[^A-Za-z0-9._~@-]+", "-", plain).strip("-")
    if any(letter.isalnum() and not letter.isascii() for letter in plain):
        fit = f"{fit}-{_hash(text)}".lstrip("-")
    return fit if fit.strip(".") else ""  # a URL would lose «.» and «..»


def cut(text: str) -> str:
    """`text`, no longer than an id may be."""
    return text if len(text) <= LONGEST_ID else f"{text[: LONGEST_ID - 9]}-{_hash(text)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:8]
