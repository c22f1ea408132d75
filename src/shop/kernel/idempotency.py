"""A request that has its effect once, however often it is sent.

Source: draft-ietf-httpapi-idempotency-key-header; the guard is saved in the commit of the effect.
"""

from __future__ import annotations

from dataclasses import dataclass

from shop.kernel.errors import Invalid


class KeyReused(Invalid):
    """The Idempotency-Key came with another request before."""

    code = "idempotency-key-reused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What a key has led to; the same request finds it again."""

    key: str
    fingerprint: str
    result: str  # the id of what came of it, or the answer itself as JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """The caller's key, scoped to the caller and the operation, and a fingerprint of what was asked."""

    key: str
    fingerprint: str

    def led_to(self, result: str) -> Guard:
        """To be saved beside the effect."""
        return Guard(key=self.key, fingerprint=self.fingerprint, result=result)

    def result_of(self, guard: Guard) -> str:
        """What the first request led to; `KeyReused` if it asked for something else."""
        if guard.fingerprint != self.fingerprint:
            raise KeyReused("this Idempotency-Key came with another request before: use a new key for a new one")
        return guard.result
