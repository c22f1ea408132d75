"""To X-Ray from a Lambda function, through the daemon that Lambda runs beside it: no way out of its network is needed.

The protocol is that of AWS's own distributions of OpenTelemetry for Lambda: a datagram of a JSON line, `T1S` (sampled),
and OTLP's request in base64. Nobody says whether it has arrived.
"""

from __future__ import annotations

import base64
import re
import socket
from collections.abc import Iterator, Mapping, Sequence

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

_HEAD = b'{"format":"json","version":1}\nT1S'
_LAMBDAS = re.compile(
    r"Root=1-(?P<time>[0-9a-f]{8})-(?P<rest>[0-9a-f]{24});Parent=(?P<parent>[0-9a-f]{16});Sampled=(?P<sampled>[01]).*"
)
_MOST = 64_000  # bytes of a datagram; one on the loopback may have 65,507


class XRayExporter(SpanExporter):
    """Sends to `host:port`, as many spans together as a datagram holds."""

    def __init__(self, daemon: str) -> None:
        host, _, port = daemon.rpartition(":")
        self._to = host, int(port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Sent, if not received."""
        try:
            for datagram in _datagrams(spans):
                self._socket.sendto(datagram, self._to)
        except OSError:
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Give the socket back."""
        self._socket.close()


def lambdas_own(environ: Mapping[str, str]) -> str | None:
    """The `traceparent` of what Lambda has begun for the event that it has given last, where it traces."""
    found = _LAMBDAS.fullmatch(environ.get("_X_AMZN_TRACE_ID", ""))
    return f"00-{found['time']}{found['rest']}-{found['parent']}-0{found['sampled']}" if found else None


def _datagrams(spans: Sequence[ReadableSpan]) -> Iterator[bytes]:
    datagram = _HEAD + base64.b64encode(encode_spans(spans).SerializeToString())
    if len(datagram) <= _MOST or len(spans) == 1:
        yield datagram
    else:
        middle = len(spans) // 2
        yield from _datagrams(spans[:middle])
        yield from _datagrams(spans[middle:])
