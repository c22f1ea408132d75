"""A receiver of spans on 127.0.0.1 (OTLP over HTTP, protobuf), which shows them as the trees that they are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A span as it was received; ids are hexadecimal."""

    service: str
    name: str
    kind: str  # "SERVER", …
    trace: str
    id: str
    parent: str  # empty: it is a root
    attributes: dict[str, Any]
    links: tuple[str, ...]  # ids of spans
    failed: str | None  # why it is an error; None: it is none
    began: int  # nanoseconds
    took: int

    def __str__(self) -> str:
        return f"{self.service}: {self.name}"


@dataclass
class Collector:
    """What was received since it began."""

    port: int = 0
    spans: list[Seen] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    @property
    def environ(self) -> dict[str, str]:
        """For a process that sends its spans here, soon."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.port}", "OTEL_BSP_SCHEDULE_DELAY": "50"}

    def of(self, name: str, **attributes: str) -> list[Seen]:
        """Spans of this name, in order, whose attributes have these values (`__` is a dot)."""
        wanted = {key.replace("__", "."): value for key, value in attributes.items()}
        found = [one for one in self.spans if one.name == name and wanted.items() <= one.attributes.items()]
        return sorted(found, key=lambda one: one.began)

    def tree(self, trace: str, told: Callable[[Seen], str] = str, *, in_time: bool = False) -> list[str]:
        """A line for each span of the trace, deeper by two spaces than its parent; siblings by their lines, or as they
        began.
        """
        spans = sorted((one for one in self.spans if one.trace == trace), key=lambda one: one.began)
        known = {one.id for one in spans}

        def lines(parent: str) -> list[list[str]]:
            found = [
                [told(one), *("  " + line for child in lines(one.id) for line in child)]
                for one in spans
                if (one.parent if one.parent in known else "") == parent
            ]
            return found if in_time else sorted(found)

        return [line for root in lines("") for line in root]

    def receive(self, body: bytes) -> None:
        """What an exporter has sent."""
        self.raw.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = {one.key: one.value.string_value for one in resource.resource.attributes}["service.name"]
            self.spans += [_seen(service, span) for scope in resource.scope_spans for span in scope.spans]


def _seen(service: str, span: Any) -> Seen:
    return Seen(
        service=service,
        name=span.name,
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        attributes={one.key: _value(one.value) for one in span.attributes},
        links=tuple(link.span_id.hex() for link in span.links),
        failed=span.status.message if span.status.code == Status.STATUS_CODE_ERROR else None,
        began=span.start_time_unix_nano,
        took=span.end_time_unix_nano - span.start_time_unix_nano,
    )


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return [_value(one) for one in value.array_value.values] if kind == "array_value" else getattr(value, kind)


@contextmanager
def collecting(port: int = 0) -> Iterator[Collector]:
    """Until the end of the block; without a port, on one that is free."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.receive(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(_OK)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own word
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        collector.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()
