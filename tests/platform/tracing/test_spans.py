"""Spans as they leave the process."""

from __future__ import annotations

import asyncio

import pytest

from shop.kernel.errors import NotFound, NotYet
from shop.platform.storage.port import Conflict
from shop.platform.tracing.spans import Tracing, under_way, within

CANARY = "hunter2@example.com"
SAMPLED = 1  # of the flags
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class NotHere(NotFound):
    code = "not-here"


def test_what_is_begun_in_a_block_is_within_it_and_what_comes_after_is_not(tracing, seen):
    with tracing.span("outer"), tracing.span("inner"):
        pass
    with tracing.span("later"):
        pass

    [outer], [inner], [later] = seen("outer"), seen("inner"), seen("later")
    assert (inner.trace, inner.parent) == (outer.trace, outer.id)
    assert (later.parent, later.trace != outer.trace) == ("", True)
    assert under_way() is None


async def test_what_is_done_at_once_does_not_get_mixed_up(tracing, seen):
    async def act(name: str) -> None:
        with tracing.span(name):
            await asyncio.sleep(0)
            with tracing.span(f"{name} part"):
                await asyncio.sleep(0)

    await asyncio.gather(*(act(f"{n}") for n in range(20)))

    for n in range(20):
        [whole], [part] = seen(f"{n}"), seen(f"{n} part")
        assert (part.parent, whole.parent) == (whole.id, "")


def test_another_processes_span_can_be_the_parent(tracing, seen):
    with tracing.span("mine", within=within(CALLER)) as span:
        assert span.traceparent[:35] == CALLER[:35]

    [mine] = seen("mine")
    assert f"00-{mine.trace}-{mine.parent}-01" == CALLER


@pytest.mark.parametrize("told", [None, "", "nonsense", f"00-{'0' * 32}-{'0' * 16}-01"])
def test_without_a_parent_that_can_be_read_it_is_a_trace_of_its_own_whatever_is_under_way(tracing, seen, told):
    with tracing.span("outer"), tracing.span("mine", within=within(told)):
        pass

    [mine] = seen("mine")
    assert mine.parent == ""
    assert mine.trace != seen("outer")[0].trace


def test_a_fault_is_told_without_what_it_says(tracing, seen, collector):
    with pytest.raises(ValueError, match=CANARY), tracing.span("act"):
        raise ValueError(CANARY)

    [act] = seen()
    assert act.failed.startswith("ValueError (test_spans.py:")
    assert act.attributes["error.type"] == "ValueError"
    assert not [body for body in collector.raw if CANARY.encode() in body]


@pytest.mark.parametrize(
    ("error", "kind"), [(NotHere("gone"), "not-here"), (NotYet("soon"), "NotYet"), (Conflict(["key"]), "Conflict")]
)
def test_what_is_foreseen_is_no_fault(tracing, seen, error, kind):
    with pytest.raises(type(error)), tracing.span("act"):
        raise error

    [act] = seen()
    assert (act.failed, act.attributes["error.type"]) == (None, kind)


async def test_what_is_given_up_is_told_as_such(tracing, seen):
    async def act() -> None:
        with tracing.span("act"):
            await asyncio.sleep(60)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await act()

    assert seen("act")[0].attributes["error.type"] == "CancelledError"


def test_the_service_is_named_by_who_runs_it_if_they_do(collector, monkeypatch):
    for name in (None, "till"):
        if name:
            monkeypatch.setenv("OTEL_SERVICE_NAME", name)
        tracing = Tracing("shop")
        with tracing.span("act"):
            pass
        tracing.close()

    assert [one.service for one in collector.spans] == ["shop", "till"]


def test_a_sampler_that_is_asked_for_is_used(collector, monkeypatch):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    tracing = Tracing("shop")
    with tracing.span("mine") as mine, tracing.span("callers", within=within(CALLER)):
        assert not int(mine.traceparent[-2:]) & SAMPLED
    tracing.close()

    assert [one.name for one in collector.spans] == ["callers"]


def test_a_receiver_that_is_gone_costs_nobody_an_exception(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    tracing = Tracing("shop")
    with tracing.span("act"):
        pass
    tracing.close()
