"""The seed's key layout («Redis Cache Key Structure»), in one hash slot. Its two deviations are in ADR 12."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

_PREFIX = "{catalog-cache}"  # what is between the braces alone chooses the slot


@dataclass(frozen=True, slots=True)
class Keys:
    """Of what is kept of an origin."""

    origin: str

    @property
    def versions(self) -> str:
        """The clock, and when each tag was last invalidated."""
        return f"{_PREFIX}:versions"

    @property
    def channel(self) -> str:
        """Where invalidations are told: tags with commas between."""
        return f"{_PREFIX}:invalidated"

    def uuid(self, name: str) -> str:
        """Of an answer: worked out from what was asked, never looked for."""
        return blake2b(f"GET {self.origin} {name}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

    def metadata(self, name: str, uuid: str) -> str:
        """What is known of an answer."""
        return f"{_PREFIX}:metadata:{self.origin}:{path_of(name)}:GET:{uuid}"

    def value(self, uuid: str) -> str:
        """Its body."""
        return f"{_PREFIX}:values:{uuid}"

    def identity(self, uuid: str) -> str:
        """Which metadata a uuid belongs to."""
        return f"{_PREFIX}:ids:{uuid}"

    def lease(self, uuid: str) -> str:
        """Who asks the origin for it now."""
        return f"{_PREFIX}:leases:{uuid}"

    def tagged(self, tag: str) -> str:
        """Sorted set of the uuids with a tag, by when they expire (ms)."""
        return f"{_PREFIX}:cache-tags:{tag}"

    def aside(self, nonce: str) -> str:
        """Such a set whose tag was invalidated, until what is in it is deleted."""
        return f"{_PREFIX}:reclaim:{nonce}"


def path_of(name: str) -> str:
    """Of a name, which may tell by what the answer varies too."""
    return name.partition("\n")[0]
