"""`python -m contracts`: write anew what the contexts publish; refused where readers would break."""

from __future__ import annotations

import sys

from contracts.published import published
from contracts.snapshot import files_of, kept, refusals, write


def main() -> int:
    """0: all is written; 1: nothing is, and stderr says why."""
    given = published()
    if refused := refusals(given, kept()):
        print(*refused, sep="\n", file=sys.stderr)
        return 1
    for name in write(files_of(given)):
        print(f"contracts/{name}")
    return 0


sys.exit(main())
