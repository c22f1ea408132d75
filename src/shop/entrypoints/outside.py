"""The app as callers over the network meet it; what contexts ask each other in one process does not come this way."""

from __future__ import annotations

import time

from litestar.types import ASGIApp

from shop.kernel.ids import Ids
from shop.platform.cache_tags import CacheTags
from shop.platform.cors import Cors
from shop.platform.figures import Figures
from shop.platform.interrupted import Interrupted
from shop.platform.measured import Measured
from shop.platform.rate_limit import RateLimit
from shop.platform.settings import Settings
from shop.platform.tokens import Tokens


def from_outside(app: ASGIApp, settings: Settings, *, tokens: Tokens, ids: Ids, figures: Figures) -> ASGIApp:
    """With all that the settings ask for."""
    if settings.cache_tag_headers:
        app = CacheTags(app, names=settings.cache_tag_headers)
    if settings.rate_limit:
        app = RateLimit(app, rate=settings.rate_limit, tokens=tokens, ids=ids, now=time.monotonic)
    if settings.cors_origins:
        app = Cors(app, origins=settings.cors_origins)
    return Measured(Interrupted(app), figures)
