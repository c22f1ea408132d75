"""The payment provider's signature: `Payment-Signature: t=<unix s>,v1=<hex HMAC-SHA256(secret, t.body)>`."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from shop.kernel.errors import Unauthenticated

_TOLERANCE = 300  # seconds
_MOST_SIGNATURES = 8


class WrongSignature(Unauthenticated):
    """Not signed by the payment provider, or too long ago."""

    code = "wrong-signature"


def sign(*, secret: str, at: datetime, body: bytes) -> str:
    """The header's value."""
    t = str(int(at.timestamp()))
    return f"t={t},v1={_digest(secret, t, body)}"


def verify(header: str | None, *, secrets: Sequence[str], now: datetime, body: bytes) -> None:
    """`WrongSignature` unless one of the `v1` is by one of the secrets, at most 300 s away from now."""
    fields = [field.strip().partition("=")[::2] for field in (header or "").split(",")]
    times = [value for name, value in fields if name == "t"]
    given = [value for name, value in fields if name == "v1"][:_MOST_SIGNATURES]
    if len(times) != 1 or not (times[0].isascii() and times[0].isdigit() and len(times[0]) <= 12) or not given:  # noqa: PLR2004
        raise WrongSignature("Payment-Signature must read t=<unix seconds>,v1=<hex HMAC-SHA256>")
    if abs(now.timestamp() - int(times[0])) > _TOLERANCE:
        raise WrongSignature(f"the signature's time is more than {_TOLERANCE} s away from now")
    right = [_digest(secret, times[0], body) for secret in secrets]
    if not any([hmac.compare_digest(a.encode(), b.encode()) for a in given for b in right]):  # noqa: C419 - no early end
        raise WrongSignature("the signature does not fit the body")


def _digest(secret: str, t: str, body: bytes) -> str:
    return hmac.new(secret.encode(), t.encode() + b"." + body, hashlib.sha256).hexdigest()
