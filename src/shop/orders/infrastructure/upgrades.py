"""Documents as earlier versions of shop wrote them, in today's shape. Pure."""

from __future__ import annotations

from typing import Any


def order_with_captured_payments(old: dict[str, Any]) -> dict[str, Any]:
    """Payments used to be `{id: amount}`, in order of arrival; the moment is taken from that order."""
    payments = {
        payment_id: told if isinstance(told, dict) else {"amount": told, "at": f"{old['created_at']}#{n:04d}"}
        for n, (payment_id, told) in enumerate(old.get("payments", {}).items())
    }
    return old | {"payments": payments}
