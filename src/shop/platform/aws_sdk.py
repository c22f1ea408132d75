"""aiobotocore, loaded without what it never uses here: a third of its time.

It loads httpx where that is installed, for a transport that nobody asks for; and aiohttp reads the system's
certificates twice, for contexts that are not used: aiobotocore makes one of its own, with botocore's certificates.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ("AioConfig", "get_session")

_TRANSPORTS = ("httpx", "httpx2")
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


@contextmanager
def _less() -> Iterator[None]:
    """For so long these transports are not there (but those that are loaded already are), and no certificates."""
    hidden = [name for name in _TRANSPORTS if name not in sys.modules]
    before = {name: os.environ.get(name) for name in _CERTIFICATES}
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: Python's own word for «not there»
    os.environ.update(dict.fromkeys(_CERTIFICATES, os.devnull))
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
        for name, value in before.items():
            os.environ.pop(name, None)
            os.environ.update({name: value} if value is not None else {})


with _less():
    from aiobotocore.config import AioConfig  # type: ignore[import-untyped]
    from aiobotocore.session import get_session  # type: ignore[import-untyped]
