"""The app of one context by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from shop.entrypoints.outside import from_outside
from shop.entrypoints.traced import seen
from shop.platform.settings import Settings
from shop.platform.tokens import Tokens
from shop.platform.web import build_app


def app_of(house: Any, *, more: Sequence[HTTPRouteHandler] = ()) -> ASGIApp:
    """The context's routes, and more, as callers over the network meet them; `house`: one like `OrdersAlone`."""
    settings: Settings = house.settings()
    tokens, ids = Tokens(settings.jwt_key, clock=house.platform.clock()), house.platform.ids()
    app = build_app([*house.context.api().routes(), *more], tokens=tokens, ids=ids)
    app = from_outside(app, settings, tokens=tokens, ids=ids, figures=house.platform.figures())
    return seen(app, house.platform.tracing())
