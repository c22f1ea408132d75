"""The figures as tables: plain text where there is no terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import mean, median, variance

from rich import box
from rich.console import Console
from rich.table import Table

from bench import steps
from bench.measures import Loaded, Ordered, Singles

_SEED = {  # milliseconds, «Response Time Breakdown»
    steps.REQUEST: "1",
    steps.CATALOG: "1",
    steps.DOMAIN: "2",
    steps.COMMIT: "10 + 5",
}
_WIDE = 120  # where it goes to a file or a pipe
_NAMES = 24
_CALM = 0.8  # of its time, for the bare server, while it is asked without a pause


@dataclass(frozen=True, slots=True)
class _Limit:
    """What the bare server did in the same rounds, with a `sync` of so many seconds in each answer."""

    runs: Sequence[Loaded]
    rates: Sequence[float]
    sync: float = 0.0

    @property
    def busy(self) -> float:
        """The share of its time in which it computed or waited for the disk; the rest was taken by others."""
        pairs = zip(self.runs, self.rates, strict=True)
        return median(one.cpu / one.seconds + rate * self.sync for one, rate in pairs)

    @property
    def disturbed(self) -> bool:
        """Whether it had less than it can take while it is asked without a pause."""
        return self.busy < _CALM


_COUNTING = 0.05  # of the CPU of an order
_SURE = 2  # standard errors


class Report:
    """Prints."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        if not self._console.is_terminal:
            self._console = Console(highlight=False, width=_WIDE)

    def say(self, *lines: str) -> None:
        """Plain lines."""
        for line in lines:
            self._console.print(line, soft_wrap=not self._console.is_terminal)

    def show(self, table: Table) -> None:
        """A table that somebody else has made."""
        self._console.print(table)

    def reads(self, bare: Sequence[Loaded], shop: Sequence[Loaded]) -> None:
        """Side by side."""
        table = _table("Reads: GET /products/{id}, 8 connections", "/s")
        limit = _Limit(bare, [one.run.rate(200) for one in bare])
        _row(table, "bare Litestar", bare, limit.rates)
        _row(table, "shop", shop, [one.run.rate(200) for one in shop], limit, 0.70)
        self._console.print(table)
        self._odd(*((one, 200) for one in (*bare, *shop)))
        self._warn(limit)

    def orders(
        self,
        *,
        bare: Sequence[Loaded],
        shop: Sequence[Ordered],
        logged: Sequence[Ordered],
        traced: Sequence[Ordered],
        bare_burst: Sequence[Loaded],
        burst: Sequence[Ordered],
        crowd: int,
        sync: float,
    ) -> None:
        """Side by side: what is confirmed in the long run, and what is accepted in a burst."""
        table = _table("Orders: POST /orders, one line each, paid later", "/s")
        limit = _Limit(bare, [one.run.rate(201) for one in bare], sync)
        _row(table, "bare: decode, one commit; 8 connections", bare, limit.rates)
        _row(table, "shop: confirmed, 8 connections", shop, list(map(_confirmed, shop)), limit, 0.35)
        _row(table, "shop: confirmed, SHOP_LOG=info", logged, list(map(_confirmed, logged)), limit)
        _row(table, "shop: confirmed, each a trace, sent", traced, list(map(_confirmed, traced)), limit)
        table.add_section()
        crowded = _Limit(bare_burst, [one.run.rate(201) for one in bare_burst], sync)
        _row(table, f"bare: two seconds, {crowd} connections", bare_burst, crowded.rates)
        _row(table, f"shop: accepted, {crowd} connections", burst, [one.run.rate(201) for one in burst], crowded, 0.50)
        _row(table, "shop: confirmed, of the same", burst, list(map(_confirmed, burst)), crowded)
        self._console.print(table)
        self._odd(*((one, 201) for one in (*bare, *shop, *logged, *traced, *bare_burst, *burst)))
        self._warn(limit, crowded)
        self._console.print(_afterwards(("8 connections", shop), (f"burst of {crowd}", burst)))

    def counting(self, *loads: tuple[str, Sequence[Sequence[Loaded]]]) -> None:
        """What its figures cost the shop, as CPU per order: (load, of each round a turn with figures, one without, …).

        A shop counts as the median of its turns, each beside its round; how far shops of a kind are apart says how sure
        the difference is.
        """
        for name, rounds in loads:
            self._odd(*((turn, 201) for turns in rounds for turn in turns))
            beside = [[_cpu(turn) / median(map(_cpu, turns)) for turn in turns] for turns in rounds]
            shops = [median(of_one) for of_one in zip(*beside, strict=True)]
            counted, uncounted = shops[::2], shops[1::2]
            more = mean(counted) / mean(uncounted) - 1
            give = _SURE * math.sqrt(variance(counted) / len(counted) + variance(uncounted) / len(uncounted))
            self.say(
                f"Its figures, {name}: {more:+.1%} of the CPU of an order, give or take {give:.1%} "
                f"({_beside_bound(more, give)} {_COUNTING:.0%})."
            )
        self.say("")

    def one_order(self, singles: Singles) -> None:
        """Step by step, beside the seed's figures."""
        table = Table(
            title=f"One order on an idle shop ({len(singles.totals)} of them)",
            title_justify="left",
            box=box.SIMPLE_HEAD,
        )
        table.add_column("step", min_width=_NAMES)
        for name in ("p50 ms", "p99 ms", "seed ms"):
            table.add_column(name, justify="right")
        for step in steps.STEPS:
            table.add_row(step, _ms(singles.steps[step], 50), _ms(singles.steps[step], 99), _SEED.get(step, ""))
        inside = map(sum, zip(*singles.steps.values(), strict=True))
        outside = [total - sum_ for total, sum_ in zip(singles.totals, inside, strict=True)]
        table.add_row("HTTP: uvicorn, sockets, client", _ms(outside, 50), _ms(outside, 99), "")
        table.add_section()
        table.add_row("total over HTTP", _ms(singles.totals, 50), _ms(singles.totals, 99), "~20")
        table.add_section()
        for name, taken in (
            ("201 → told that it is confirmed", singles.confirmed),
            ("order.created → stock.reserved (timeline)", singles.reserved),
            ("order.completed → told the new balance", singles.points),
            ("order.completed → reward.issued (timeline)", singles.issued),
        ):
            table.add_row(name, _ms(taken, 50), _ms(taken, 99), "")
        self._console.print(table)

    def _warn(self, *limits: _Limit) -> None:
        least = min(limit.busy for limit in limits)
        if least < _CALM:
            self.say(
                f"[bold yellow]Others were at work here: the bare server had {least:.0%} of its time. What they leave "
                "decides the rates: judged by CPU, where that says less. Better measure again.[/]",
                "",
            )

    def _odd(self, *runs: tuple[Loaded, int]) -> None:
        odd = [one.run.others(status) for one, status in runs if one.run.others(status)]
        if odd:
            self.say(f"  [bold red]answers with another status: {odd}[/]")


def _beside_bound(share: float, give: float) -> str:
    if abs(share - _COUNTING) < give:
        return "[yellow]too noisy to tell from[/]"
    return "[green]ok, <[/]" if share < _COUNTING else "[red]above[/]"


def percentile(values: Iterable[float], share: float) -> float:
    """The value that so many per cent do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share / 100) - 1)]


def _table(title: str, rate: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", min_width=_NAMES)
    for name in (rate, "p50 ms", "p99 ms", "CPU ms", "core", "of bare", "target", "by CPU"):
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _afterwards(*loads: tuple[str, Sequence[Ordered]]) -> Table:
    table = Table(title="What became of the orders", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", min_width=_NAMES)
    for name, _ in loads:
        table.add_column(name, justify="right")
    for name, of in _FATE:
        table.add_row(name, *(of(runs) for _, runs in loads))
    return table


def _delays(runs: Sequence[Ordered]) -> list[float]:
    return [delay for one in runs for delay in one.confirmed_after]


_FATE: Sequence[tuple[str, Callable[[Sequence[Ordered]], str]]] = (
    ("accepted", lambda runs: f"{sum(one.run.statuses[201] for one in runs):,}"),
    ("confirmed", lambda runs: f"{sum(one.statuses['confirmed'] for one in runs):,}"),
    ("waiting at the last 201", lambda runs: f"{median(one.waiting for one in runs):.0f}"),
    ("… ms until none is pending", lambda runs: f"{1000 * median(one.seconds - one.run.seconds for one in runs):.2f}"),
    ("order.created → stock.reserved, ms at p50", lambda runs: _ms(_delays(runs), 50)),
    ("                                  … at p99", lambda runs: _ms(_delays(runs), 99)),
    ("units per COMMIT", lambda runs: f"{sum(one.units for one in runs) / sum(one.groups for one in runs):.1f}"),
)


def _row(
    table: Table,
    name: str,
    runs: Sequence[Loaded],
    rates: Sequence[float],
    limit: _Limit | None = None,
    target: float | None = None,
) -> None:
    latencies = [latency for one in runs for latency in one.run.latencies]
    table.add_row(
        name,
        f"{median(rates):,.0f}",
        _ms(latencies, 50),
        _ms(latencies, 99),
        f"{1000 * median(map(_cpu, runs)):.3f}",
        f"{_share(runs):.0%}",
        *(_beside(runs, rates, limit, target) if limit else ()),
    )


def _beside(
    runs: Sequence[Loaded],
    rates: Sequence[float],
    limit: _Limit,
    target: float | None,
) -> tuple[str, str, str]:
    """Round by round, then the median: what disturbed a round disturbed both."""
    ratio = median(ours / most for ours, most in zip(rates, limit.rates, strict=True))
    by_cpu = median(_cpu(most) / _cpu(ours) for ours, most in zip(runs, limit.runs, strict=True))
    mark = ""
    if target is not None:
        judged, how = (min(ratio, by_cpu), " by CPU") if limit.disturbed else (ratio, "")
        good = judged >= target
        mark = f"[{'green' if good else 'red'}]{'ok, ≥' if good else 'below'} {target:.0%}{how}[/]"
    return f"{ratio:.0%}", mark, f"{by_cpu:.0%}"


def _cpu(one: Loaded) -> float:
    return one.cpu / len(one.run.latencies)


def _share(runs: Sequence[Loaded]) -> float:
    return median(one.cpu / one.seconds for one in runs)


def _confirmed(ordered: Ordered) -> float:
    return ordered.statuses["confirmed"] / ordered.seconds


def _ms(values: Sequence[float], share: float) -> str:
    return f"{1000 * percentile(values, share):.2f}"
