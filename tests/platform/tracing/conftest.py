"""A tracing whose spans are received."""

from __future__ import annotations

import pytest

from emulator.collector import collecting
from shop.platform.tracing.spans import Tracing


@pytest.fixture
def collector(monkeypatch):
    with collecting() as collector:
        for name, value in collector.environ.items():
            monkeypatch.setenv(name, value)
        yield collector


@pytest.fixture
def tracing(collector):  # noqa: ARG001 - it sends there
    made = Tracing("a-test")
    yield made
    made.close()


@pytest.fixture
def seen(collector, tracing):
    """What was received, once all that has ended is sent."""

    def of(name: str | None = None):
        tracing.flush()
        return [one for one in collector.spans if name in (None, one.name)]

    return of
