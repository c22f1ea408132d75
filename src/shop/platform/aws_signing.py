"""Signature Version 4 of what AWS's JSON protocols are sent: each time a POST of `/`.

Source: AWS Identity and Access Management, «Create a signed AWS API request».
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Of whoever asks; `token` goes with those that are lent for a time."""

    key_id: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


def credentials_of(environ: Mapping[str, str]) -> Credentials | None:
    """Those that Lambda gives a function for as long as its process lives; None if there are none."""
    key_id, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    return Credentials(key_id, secret, environ.get("AWS_SESSION_TOKEN") or None) if key_id and secret else None


class Signer:
    """For one service in one region; its key is made once a day."""

    def __init__(self, credentials: Credentials, *, service: str, region: str) -> None:
        self._credentials = credentials
        self._scope = f"{region}/{service}/aws4_request"
        self._day, self._key = "", b""

    def signed(self, headers: Mapping[str, str], body: bytes, *, at: datetime) -> dict[str, str]:
        """The headers (`host` among them, names in lower case), all signed, with those that AWS needs besides."""
        moment = f"{at:%Y%m%dT%H%M%SZ}"
        told = {**headers, "x-amz-date": moment}
        if self._credentials.token:
            told["x-amz-security-token"] = self._credentials.token
        names = sorted(told)
        lines = "".join(f"{name}:{told[name]}\n" for name in names)
        asked = f"POST\n/\n\n{lines}\n{';'.join(names)}\n{hashlib.sha256(body).hexdigest()}"
        scope = f"{moment[:8]}/{self._scope}"
        text = f"{_ALGORITHM}\n{moment}\n{scope}\n{hashlib.sha256(asked.encode()).hexdigest()}"
        signature = hmac.digest(self._key_of(moment[:8]), text.encode(), "sha256").hex()
        told["authorization"] = (
            f"{_ALGORITHM} Credential={self._credentials.key_id}/{scope}, "
            f"SignedHeaders={';'.join(names)}, Signature={signature}"
        )
        return told

    def _key_of(self, day: str) -> bytes:
        if day != self._day:
            key = f"AWS4{self._credentials.secret}".encode()
            for part in (day, *self._scope.split("/")):
                key = hmac.digest(key, part.encode(), "sha256")
            self._day, self._key = day, key
        return self._key
