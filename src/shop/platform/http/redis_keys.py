"""The seed's key layout («Redis Cache Key Structure»), in one hash slot. Its two deviations are in ADR 12."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b


@dataclass(frozen=True, slots=True)
class Keys:
    """Of what is kept of an origin."""

    prefix: str  # with braces: what is between them alone chooses the slot
    origin: str

    @property
    def versions(self) -> str:
        """The clock, and when each tag was last invalidated."""
        return f"{self.prefix}:versions"

    @property
    def channel(self) -> str:
        """Where invalidations are told: tags with commas between."""
        return f"{self.prefix}:invalidated"

    def uuid(self, name: str) -> str:
        """Of an answer: worked out from what was asked, never looked for."""
        return blake2b(f"GET {self.origin} {name}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

    def metadata(self, name: str, uuid: str) -> str:
        """What is known of an answer."""
        return f"{self.prefix}:metadata:{self.origin}:{path_of(name)}:GET:{uuid}"

    def value(self, uuid: str) -> str:
        """Its body."""
        return f"{self.prefix}:values:{uuid}"

    def identity(self, uuid: str) -> str:
        """Which metadata a uuid belongs to."""
        return f"{self.prefix}:ids:{uuid}"

    def lease(self, uuid: str) -> str:
        """Who asks the origin for it now."""
        return f"{self.prefix}:leases:{uuid}"

    def tagged(self, tag: str) -> str:
        """Sorted set of the uuids with a tag, by when they expire (ms)."""
        return f"{self.prefix}:cache-tags:{tag}"

    def aside(self, nonce: str) -> str:
        """Such a set whose tag was invalidated, until what is in it is deleted."""
        return f"{self.prefix}:reclaim:{nonce}"


def path_of(name: str) -> str:
    """Of a name, which may tell by what the answer varies too."""
    return name.partition("\n")[0]
