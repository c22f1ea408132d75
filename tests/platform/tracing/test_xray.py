"""Spans for X-Ray, as the daemon of Lambda is sent them."""

from __future__ import annotations

import base64
import socket

import pytest

from emulator.collector import Collector
from shop.platform.tracing.spans import Tracing


@pytest.fixture
def daemon():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(5)
        yield daemon


@pytest.fixture
def tracing(daemon):
    made = Tracing("shop", to=f"xray:127.0.0.1:{daemon.getsockname()[1]}")
    yield made
    made.close()


def _received(daemon, *, spans: int) -> tuple[Collector, int]:
    collector, datagrams = Collector(), 0
    while len(collector.spans) < spans:
        head, _, body = daemon.recv(65_536).partition(b"\n")
        assert head == b'{"format":"json","version":1}'
        assert body[:3] == b"T1S"
        collector.receive(base64.b64decode(body[3:], validate=True))
        datagrams += 1
    return collector, datagrams


def test_spans_are_sent_as_one_datagram(daemon, tracing):
    with tracing.span("outer"), tracing.span("inner"):
        pass
    tracing.flush()

    collector, datagrams = _received(daemon, spans=2)
    [outer] = collector.of("outer")
    assert collector.tree(outer.trace) == ["shop: outer", "  shop: inner"]
    assert datagrams == 1


def test_what_is_too_much_for_one_goes_in_several(daemon, tracing):
    for n in range(400):
        with tracing.span(f"{n}") as span:
            span.tell({"told": "x" * 300})
    tracing.flush()

    collector, datagrams = _received(daemon, spans=400)
    assert sorted(int(one.name) for one in collector.spans) == list(range(400))
    assert datagrams > 1


def test_a_daemon_that_is_gone_costs_nobody_an_exception():
    tracing = Tracing("shop", to="xray:127.0.0.1:9")
    with tracing.span("act"):
        pass
    tracing.flush()
    tracing.close()
