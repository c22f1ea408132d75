"""The cache's figures as a table, beside raw calls, bounds, and what its model takes."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from rich import box
from rich.table import Table

from bench.cache import MEMORY, MISS, OTHERS, RAW_HTTP, RAW_REDIS, REDIS, Cached
from bench.cached import AT_ONCE
from bench.report import Report, percentile

# undici-cache-redis 1.0.1 on Node at p50, on two cores like those of the README's figures. It scans the database.
_MODEL = {MEMORY: "37-47 µs", REDIS: "640-700 ms", 10: "1.9 s", 1_000: "> 150 s", 20_000: "> 60 s"}
_MODEL_COLD = "50"
_NAMES = {
    RAW_REDIS: RAW_REDIS,
    RAW_HTTP: RAW_HTTP,
    MEMORY: "memory hit, decoded",
    REDIS: "Redis hit, decoded",
    MISS: "miss: asked for, kept",
}
_MEMORY_SECONDS = 5e-6
_REDIS_RATIO = 2.5
_MOST_ENTRIES, _DROP_SECONDS = 20_000, 10e-3


def show(report: Report, cached: Cached) -> None:
    """Calls first, then what one process does to another."""
    table = Table(
        title=f"The cache between contexts: calls by turns, one at a time, {OTHERS:,} other keys in Valkey",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("", min_width=24)
    for name in ("times", "p50 µs", "p99 µs", "of redis", "of httpx", "target", "its model*"):
        table.add_column(name, justify="right", no_wrap=True)
    redis, http = cached.calls[RAW_REDIS], cached.calls[RAW_HTTP]
    ratio = median(ours / raw for ours, raw in zip(cached.calls[REDIS], redis, strict=True))
    targets = {
        MEMORY: _mark("≤ 5 µs", good=median(cached.calls[MEMORY]) <= _MEMORY_SECONDS),
        REDIS: _mark(f"≤ {_REDIS_RATIO} of redis", good=ratio <= _REDIS_RATIO),
    }
    for name, taken in cached.calls.items():
        table.add_row(_NAMES[name], *_figures(taken, redis, http), targets.get(name, ""), _MODEL.get(name, ""))
    table.add_section()
    for count, taken in cached.drops.items():
        good = percentile(taken, 99) <= _DROP_SECONDS
        target = _mark("p99 ≤ 10 ms", good=good) if count == _MOST_ENTRIES else ""
        table.add_row(f"tag of {count:,}: dropped †", *_figures(taken, redis, http), target, _MODEL[count])
    table.add_section()
    most = max(cached.cold)
    table.add_row(
        f"2 processes, {AT_ONCE} cold each",
        str(len(cached.cold)),
        f"{median(cached.cold):.0f} call",
        f"≤ {most}",
        "",
        "",
        _mark("1 call", good=most == 1),
        f"{_MODEL_COLD} calls",
    )
    report.show(table)
    report.say(
        "  * undici-cache-redis 1.0.1 on Node, p50, measured on a like machine; its 50 cold are one process's.",
        "  † from calling invalidate in one process until the memory of another one has dropped all that has the tag.",
        "",
    )


def _figures(taken: Sequence[float], redis: Sequence[float], http: Sequence[float]) -> tuple[str, ...]:
    """Ratios turn by turn where there are turns, else between medians: what disturbed a turn disturbed all."""
    return (
        f"{len(taken):,}",
        *(f"{1e6 * percentile(taken, share):,.1f}" for share in (50, 99)),
        _ratio(taken, redis),
        _ratio(taken, http),
    )


def _ratio(taken: Sequence[float], raw: Sequence[float]) -> str:
    if taken is raw:
        return "1"
    by_turns = len(taken) == len(raw)
    ratio = (
        median(ours / one for ours, one in zip(taken, raw, strict=True)) if by_turns else median(taken) / median(raw)
    )
    return f"{ratio:.3f}" if ratio < 0.1 else f"{ratio:.2f}"


def _mark(bound: str, *, good: bool) -> str:
    return f"[{'green' if good else 'red'}]{'ok' if good else 'missed'}, {bound}[/]"
