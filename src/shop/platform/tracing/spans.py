"""A trace as OpenTelemetry has it: begun, carried on, and exported by OTLP. The one place that speaks to the library.

Where spans go, what is sampled and how they are batched, the library reads from its own environment
(`OTEL_EXPORTER_OTLP_…`, `OTEL_TRACES_SAMPLER`, `OTEL_BSP_…`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_SERVICE_NAME`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Link, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shop.kernel.errors import NotYet, Refusal
from shop.platform.observability import told_of
from shop.platform.storage.port import AlreadyConsumed, Conflict
from shop.platform.tracing.xray import XRayExporter

Attributes = Mapping[str, str | int | Sequence[str]]
_W3C = TraceContextTextMapPropagator()
_FORESEEN = (Refusal, NotYet, Conflict, AlreadyConsumed)  # an answer, or done again at once: nobody is to be woken


class Span:
    """Something that is under way; no attribute of it may tell of a person."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        self._failed = False

    @property
    def traceparent(self) -> str:
        """As whatever it causes is told of it."""
        return traceparent_of(self._span)

    def tell(self, attributes: Attributes, *, name: str | None = None) -> None:
        """What is known now; `name`: better than the one it had."""
        self._span.set_attributes(attributes)
        if name is not None:
            self._span.update_name(name)

    def fail(self, why: str, *, kind: str) -> None:
        """It is to be looked at; `kind`: of few."""
        self._failed = True
        self._span.set_attribute("error.type", kind)
        self._span.set_status(StatusCode.ERROR, why)

    def failed(self, error: BaseException) -> None:
        """With this; what it says is left out, unless it quotes nothing."""
        if self._failed:
            return
        if isinstance(error, _FORESEEN):
            self._span.set_attribute("error.type", getattr(error, "code", type(error).__name__))
        else:
            self.fail(told_of(error), kind=type(error).__name__)

    def end(self) -> None:
        """Now."""
        self._span.end()


class Tracing:
    """What this process does, as spans, sent by a thread of the library's own."""

    def __init__(self, service: str, *, to: str = "otlp") -> None:
        """`service`: what it is called where nobody has said otherwise; `to`: `otlp`, or `xray:host:port`."""
        ours = Resource({"service.name": service, "service.namespace": "shop"})
        resource = Resource.create().merge(ours).merge(OTELResourceDetector().detect())
        self.is_of_lambda = to.startswith("xray")  # X-Ray has what Lambda itself tells, too
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(_exporter(to)))
        self._tracer = self._provider.get_tracer("shop")

    def begin(
        self,
        name: str,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes | None = None,
        *,
        within: Context | None = None,
        links: Sequence[str] = (),
    ) -> Span:
        """A span that whoever calls ends; it is in nobody's way. `within`: not what is under way here, but this."""
        others = [Link(one) for one in map(_context_of, links) if one.is_valid]
        return Span(self._tracer.start_span(name, within, kind, attributes, others))

    @contextmanager
    def span(self, name: str, *told: Any, **more: Any) -> Iterator[Span]:
        """As `begin`, for what is done in the block; what is begun there is within it. An exception is told."""
        span = self.begin(name, *told, **more)
        with trace.use_span(span._span, record_exception=False, set_status_on_exception=False):  # noqa: SLF001
            try:
                yield span
            except BaseException as error:
                span.failed(error)
                raise
            finally:
                span.end()

    def flush(self) -> None:
        """What has ended is sent when this returns, or lost."""
        self._provider.force_flush()

    def close(self) -> None:
        """As `flush`, for good."""
        self._provider.shutdown()


@contextmanager
def carried_on(traceparent: str | None) -> Iterator[None]:
    """What is begun in the block, and is of no other trace, belongs to this one."""
    token = context.attach(within(traceparent))
    try:
        yield
    finally:
        context.detach(token)


def _exporter(to: str) -> SpanExporter:
    kind, _, daemon = to.partition(":")
    return XRayExporter(daemon) if kind == "xray" else OTLPSpanExporter()


def under_way() -> str | None:
    """The `traceparent` of what is done here, if it belongs to a trace."""
    span = trace.get_current_span()
    return traceparent_of(span) if span.get_span_context().is_valid else None


def tell_of_it(attributes: Attributes) -> None:
    """Of what is under way here."""
    trace.get_current_span().set_attributes(attributes)


def within(traceparent: str | None) -> Context:
    """What another process, or time, has begun; a trace of its own where none is told."""
    return _W3C.extract({"traceparent": traceparent} if traceparent else {}, Context())


def traceparent_of(span: trace.Span) -> str:
    """W3C Trace Context, version 00."""
    one = span.get_span_context()
    return f"00-{one.trace_id:032x}-{one.span_id:016x}-{one.trace_flags:02x}"


def _context_of(traceparent: str) -> trace.SpanContext:
    return trace.get_current_span(within(traceparent)).get_span_context()
