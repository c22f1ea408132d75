"""Bearer tokens: JWTs (RFC 7519) with `sub` and `role`, signed with the local key (HS256)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from shop.kernel.clock import Clock
from shop.kernel.errors import Unauthenticated

ROLES = ("customer", "staff")
_MOST_REMEMBERED = 10_000
_SUBJECT = re.compile(r"[^/\x00-\x1f\x7f]{1,100}")  # it stands in paths and keys


class WrongToken(Unauthenticated):
    """A token that is missing, not ours, or has run out."""

    code = "wrong-token"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the token's `sub` and `role`."""

    subject: str
    role: str


class _Claims(msgspec.Struct, frozen=True):
    sub: str
    role: str
    exp: float


class Tokens:
    """Signs and checks tokens; one that was checked is remembered until it runs out."""

    def __init__(self, key: str, *, clock: Clock) -> None:
        self._key = OctKey.import_key(key)
        self._clock = clock
        self._remembered: dict[str, tuple[Caller, float]] = {}

    def sign(self, *, subject: str, role: str, lifetime: timedelta) -> str:
        """A token for the subject in the role (`customer`, `staff`)."""
        now = self._clock()
        claims = {"sub": subject, "role": role, "iat": int(now.timestamp()), "exp": int((now + lifetime).timestamp())}
        return jwt.encode({"alg": "HS256"}, claims, self._key)

    def verify(self, token: str) -> Caller:
        """Who bears the token; `WrongToken` says why nobody."""
        caller, until = self._remembered.get(token) or self._check(token)
        if not until > self._clock().timestamp():  # NaN is not later either
            self._remembered.pop(token, None)
            raise WrongToken("the token has run out: get a new one")
        return caller

    def _check(self, token: str) -> tuple[Caller, float]:
        try:
            claims = msgspec.convert(jwt.decode(token, self._key, algorithms=["HS256"]).claims, _Claims)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError, msgspec.ValidationError) as error:
            raise WrongToken("the token is not one of ours, or is damaged") from error
        if claims.role not in ROLES or not _SUBJECT.fullmatch(claims.sub):
            raise WrongToken(f"its role must be one of {', '.join(ROLES)}, its sub 1 to 100 characters and no slash")
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        checked = self._remembered[token] = (Caller(claims.sub, claims.role), claims.exp)
        return checked
