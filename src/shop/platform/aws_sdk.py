"""aiobotocore, loaded without what it never uses here: a third of its time.

It loads httpx where that is installed, for a transport that nobody asks for; and aiohttp reads the system's
certificates twice, for contexts that are not used: aiobotocore makes one of its own, with botocore's certificates.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from shop.platform.cold_start import without

__all__ = ("AioConfig", "get_session")

_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


@contextmanager
def _no_certificates() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _CERTIFICATES}
    os.environ.update(dict.fromkeys(_CERTIFICATES, os.devnull))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            os.environ.update({name: value} if value is not None else {})


with without("httpx", "httpx2"), _no_certificates():
    from aiobotocore.config import AioConfig  # type: ignore[import-untyped]
    from aiobotocore.session import get_session  # type: ignore[import-untyped]
