"""How texts of a product stand in cells: what is written here is read here."""

from collections.abc import Sequence

UNCATEGORISED = "Uncategorised"
BETWEEN_TITLE_AND_VALUES = " \u2013 "
BETWEEN_VALUES = " / "
_NO_VALUE = "default title"  # what Shopify calls the only variant of an article
_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")  # a spreadsheet runs what begins so, also in full width
_NUMBER = frozenset("0123456789.,eE")


def is_value(text: str) -> bool:
    """Whether an option has this value, or none at all."""
    return text != "" and text.casefold() != _NO_VALUE


def name_of(title: str, values: Sequence[str]) -> str:
    """The name of a variant, on one line."""
    if values:
        title = f"{title}{BETWEEN_TITLE_AND_VALUES}{BETWEEN_VALUES.join(values)}"
    return " ".join(title.split())


def path_of(cell: str) -> str:
    """`Home > Kitchen/Dining` → `Home/Kitchen Dining`."""
    steps = [" ".join(step.replace("/", " ").split()) for step in cell.split(">")]
    return "/".join(step for step in steps if step) or UNCATEGORISED


def tags_of(cell: str) -> list[str]:
    """`tea, black` → `["tea", "black"]`."""
    return [tag for part in cell.split(",") if (tag := part.strip())]


def exactly(text: str) -> str:
    """The cell of a text that is to be taken as it stands."""
    return f"'{text}"


def text_cell(text: str | None) -> str:
    """The cell of a text: as it stands, but for what the way through a file or a spreadsheet would change."""
    if text is None:
        return ""
    return text if is_plain(text) and not _looks_odd(text) else exactly(text)


def code_cell(text: str) -> str:
    """The cell of a SKU or an id, which a spreadsheet is not to take for a number: `007` stays `007`."""
    return exactly(text) if _NUMBER.issuperset(text) else text_cell(text)


def category_cell(path: str) -> str:
    """`Home/Kitchen` → `Home > Kitchen`."""
    cell = path.replace("/", " > ")
    return cell if path_of(cell) == path and not _looks_odd(cell) else exactly(path)


def tags_cell(tags: object) -> str:
    """`["tea", "black"]` → `tea, black`; empty if it cannot be said so."""
    cell = ", ".join(tags) if isinstance(tags, list) and all(isinstance(tag, str) for tag in tags) else ""
    if not cell or tags_of(cell) != tags:
        return ""
    return exactly(cell) if _looks_odd(cell) else cell


def is_plain(text: str) -> bool:
    """Whether a text is there and its blanks are in order."""
    return text != "" and " ".join(text.split()) == text


def _looks_odd(cell: str) -> bool:
    return cell.startswith(("'", *_FORMULA))
