"""Spans are wanted or not: what that loads, costs, and needs."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from shop.entrypoints import traced
from shop.entrypoints.traced import closed, flushing, seen
from shop.platform.tracing.spans import under_way

# redis-py looks into OpenTelemetry's metrics where that is installed, whether anybody wants them or not.
LOADED = """
import sys
ours = ("opentelemetry.sdk.trace", "opentelemetry.exporter", "google", "requests", "shop.platform.tracing")
print(*(name for name in ours if name in sys.modules))
"""
_OPEN = """
import asyncio, os
from shop.entrypoints.monolith import opened
from shop.platform.settings import read_settings
async def main():
    async with opened(read_settings(os.environ), serving=True):
        pass
asyncio.run(main())
"""


def _run(code: str, folder, *, arguments: tuple[str, ...] = (), **environ: str) -> subprocess.CompletedProcess[str]:
    own = {"SHOP_DATA": str(folder), **environ}
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, env=clean | own, capture_output=True, text=True, check=False)


def test_where_nobody_wants_spans_nothing_of_opentelemetry_is_loaded(tmp_path):
    assert _run(_OPEN + LOADED, tmp_path).stdout.split() == []


def test_where_somebody_does_it_is(tmp_path):
    told = _run(_OPEN + LOADED, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")

    assert "opentelemetry.exporter" in told.stdout.split(), told.stderr
    assert "shop.platform.tracing" in told.stdout.split()


def test_without_opentelemetry_a_server_that_is_to_be_seen_says_in_a_line_what_to_install(tmp_path):
    without = "import sys; sys.modules['opentelemetry'] = None; from shop.entrypoints.cli import main; main()"
    told = _run(without, tmp_path, arguments=("serve", "--port", "1"), OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")

    assert told.returncode == 1
    assert "pip install 'shop[otel]'" in told.stderr
    assert "Traceback" not in told.stderr
    assert len(told.stderr.strip().splitlines()) <= 2


@dataclass
class Sent:
    """What a tracing is asked, in order."""

    is_of_lambda: bool = False

    asked: list[str] = field(default_factory=list)

    def flush(self) -> None:
        self.asked.append("flush")

    def close(self) -> None:
        self.asked.append("close")


async def test_a_function_sends_its_spans_before_it_stands_still_also_of_what_has_failed():
    sent = Sent()

    async def act(event):
        sent.asked.append(event["is"])
        if event["is"] == "bad":
            raise OSError(event["is"])

    flushed = flushing(act, sent)
    await flushed({"is": "good"})
    with pytest.raises(OSError, match="bad"):
        await flushed({"is": "bad"})

    assert sent.asked == ["good", "flush", "bad", "flush"]


@pytest.mark.parametrize("is_of_lambda", [True, False])
async def test_what_a_function_does_belongs_to_the_trace_that_lambda_has_begun_where_both_go_to_x_ray(is_of_lambda):
    environ = {}
    found = []

    async def act(event):  # noqa: ARG001 - Lambda gives one
        found.append(under_way())

    flushed = flushing(act, Sent(is_of_lambda=is_of_lambda), environ=environ)
    environ["_X_AMZN_TRACE_ID"] = f"Root=1-{'a' * 8}-{'b' * 24};Parent={'c' * 16};Sampled=0;Lineage=1:a:0"
    await flushed({})
    environ["_X_AMZN_TRACE_ID"] = "Root=1-nonsense"
    await flushed({})

    assert found == [f"00-{'a' * 8}{'b' * 24}-{'c' * 16}-00" if is_of_lambda else None, None]


async def test_whoever_does_not_take_spans_holds_nobody_up(monkeypatch):
    monkeypatch.setattr(traced, "_PATIENCE_AT_THE_END", 0.01)
    hangs = threading.Event()
    with capture_logs() as lines:
        await closed(SimpleNamespace(close=hangs.wait))
    hangs.set()

    assert [line["event"] for line in lines] == ["spans.not_sent"]


async def test_while_a_flush_is_not_taken_no_other_is_begun(monkeypatch):
    monkeypatch.setattr(traced, "_PATIENCE_OF_A_FUNCTION", 0.01)
    asked, taken = [], threading.Event()

    def flush():
        asked.append(1)
        taken.wait()

    async def act(_):
        """Do nothing."""

    flushed = flushing(act, SimpleNamespace(flush=flush, is_of_lambda=False))
    with capture_logs() as lines:
        for _ in range(5):
            await flushed({})
    assert len(asked) == 1
    assert [line["event"] for line in lines] == ["spans.not_sent"]

    taken.set()
    async with asyncio.timeout(5):
        while len(asked) < 2:
            await flushed({})
            await asyncio.sleep(0)


async def test_a_flush_that_fails_does_not_hinder_the_next(monkeypatch):
    monkeypatch.setattr(traced, "_PATIENCE_OF_A_FUNCTION", 5)
    asked = []

    def flush():
        asked.append(1)
        raise OSError

    async def act(_):
        """Do nothing."""

    flushed = flushing(act, SimpleNamespace(flush=flush, is_of_lambda=False))
    with capture_logs() as lines:
        await flushed({})
        await flushed({})

    assert len(asked) == 2
    assert [line["event"] for line in lines] == ["spans.not_sent"] * 2


async def test_where_nobody_wants_spans_everything_is_as_it_was():
    async def act(_):
        """Do nothing."""

    assert flushing(act, None) is act
    assert seen(act, None) is act
    await closed(None)
