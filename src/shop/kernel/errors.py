"""The kinds of refusal. Each concrete one is named beside what raises it; `platform/problems.py` gives it a status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar


class Refusal(Exception):
    """Something asked for that is not done, and why. Nothing has changed.

    `code` is stable and for programs; `detail` is one sentence for people; `errors` points at the
    fields that are wrong; `extra` are further members of the problem (RFC 9457 §3.2).
    """

    code: ClassVar[str]

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        extra: Mapping[str, object] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.extra = dict(extra or {})
        self.retry_after = retry_after


class Invalid(Refusal):
    """What was sent is understood and wrong."""

    code = "invalid"


class Unauthenticated(Refusal):
    """Who asks is not known."""

    code = "unauthenticated"


class Forbidden(Refusal):
    """Who asks may not."""

    code = "forbidden"


class NotFound(Refusal):
    """Nothing there, or nothing the caller may know of."""

    code = "not-found"


class Clash(Refusal):
    """It cannot be done in the state things are in."""

    code = "clash"


class Stale(Refusal):
    """The version the caller acted on has moved (If-Match)."""

    code = "version-moved"


class VersionMissing(Refusal):
    """The caller must say which version it acts on (If-Match)."""

    code = "if-match-required"


class TryLater(Refusal):
    """Not now; nothing is known to be wrong with what was asked."""

    code = "try-later"


class NotYet(Exception):
    """A fact came before the one it builds on: the delivery is to be tried again later."""
