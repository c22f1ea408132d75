"""Names of what is asked of AWS."""

from __future__ import annotations


def operation_of(name: str) -> str:
    """The service's own word for a client's method: `get_item` → `GetItem`."""
    return "".join(part.capitalize() for part in name.split("_"))
