"""`GET /events` as a Lambda function."""

import os
from collections.abc import Mapping

from shop.platform.cold_start import uncollected

with uncollected():
    from shop.entrypoints.feed_alone import feed_of
    from shop.entrypoints.outside import from_outside
    from shop.entrypoints.traced import asked, flushing, seen, tracing_of
    from shop.kernel.clock import system_clock
    from shop.kernel.ids import ids
    from shop.platform.aws import Aws
    from shop.platform.embedded_metrics import EmbeddedMetrics, namespace_of
    from shop.platform.figures import Figures
    from shop.platform.lambda_adapter import Act, Environment, answering
    from shop.platform.observability import configure_logs
    from shop.platform.settings import keys_given, read_settings
    from shop.platform.tokens import Tokens
    from shop.platform.web import build_app


def _handler(environ: Mapping[str, str] = os.environ) -> Environment:
    settings, figures = read_settings(environ), Figures(keeps=True)
    configure_logs(settings.log_level)
    keys_given(environ, ("SHOP_JWT_KEY",))
    tracing = tracing_of(settings, service=f"{settings.stack}-feed")

    async def opened() -> Act:
        aws = asked(Aws(("dynamodb",), figures=figures), tracing)
        await aws.open()
        feed = feed_of(aws, settings=settings, clock=system_clock)
        tokens, new_ids = Tokens(settings.jwt_key, clock=system_clock), ids(system_clock)
        app = build_app(feed.routes(), tokens=tokens, ids=new_ids)
        app = from_outside(app, settings, tokens=tokens, ids=new_ids, figures=figures)
        return flushing(answering(seen(app, tracing)), tracing)

    told = EmbeddedMetrics(figures, namespace=namespace_of(settings.stack), context="feed", wall=system_clock)
    return Environment(opened, afterwards=told.tell)


handler = _handler()
