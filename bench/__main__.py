"""`python -m bench [--quick]`: bare and shop by turns, a worker each, under the same load."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import random
import secrets
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvloop

from bench import cache, cache_report, goods, measures
from bench.load import Run, load
from bench.measures import Loaded, Ordered
from bench.processes import Cores, Server, cores, started
from bench.report import Report, percentile
from shop.platform.observability import configure_logs

_CROWD = 32  # connections of a burst


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long everything is done. Seconds."""

    rounds: int
    warm_up: float
    reads: float
    orders: float
    singles: int
    turns: int
    cache: cache.Plan


FULL = Plan(rounds=4, warm_up=1.5, reads=2, orders=3, singles=300, turns=48, cache=cache.FULL)
QUICK = Plan(rounds=1, warm_up=0.5, reads=1, orders=1.5, singles=100, turns=4, cache=cache.QUICK)
_BURST = 2.0
_TURN = 0.1  # so short that whatever disturbs one disturbs those beside it


@dataclass(frozen=True, slots=True)
class House:
    """The servers of one run, with an empty store each, and the secrets they share with us."""

    echo: Server
    bare: Server
    shop: Server
    logged: Server  # the shop at its own log level
    traced: Server  # the shop whose every request is a trace, sent to the echo
    timed: Server  # the shop with timers
    counting: Server  # shops with and without their figures
    key: str
    payment_secret: str


def main() -> None:
    """Measure and print."""
    plan = QUICK if _arguments().quick else FULL
    where, report = cores(), Report()
    configure_logs("warning")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="shop-bench-") as folder, _opened(Path(folder), where) as house:
        if where.apart:
            os.sched_setaffinity(0, {where.load})
        _introduce(report, where, Path(folder))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_measure(plan, house, Path(folder), report))
            cache_report.show(report, runner.run(cache.measured(plan.cache, Path(folder) / "cache", where)))
    report.say("", f"{time.monotonic() - began:.0f} s in all.")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round: enough to see that it runs")
    return parser.parse_args()


async def _measure(plan: Plan, house: House, folder: Path, report: Report) -> None:
    most = await load(house.echo.port, goods.reads(), seconds=1)
    await _warm_up(plan, house)
    bare_reads: list[Loaded] = []
    shop_reads: list[Loaded] = []
    bare: list[Loaded] = []
    shop: list[Ordered] = []
    logged: list[Ordered] = []
    traced: list[Ordered] = []
    bare_burst: list[Loaded] = []
    burst: list[Ordered] = []
    disk: list[float] = []
    tokens = goods.customers(house.key, "bare")
    for number in range(plan.rounds):
        bare_reads.append(await measures.reads(house.bare, seconds=plan.reads))
        shop_reads.append(await measures.reads(house.shop, seconds=plan.reads))
        disk += measures.syncs(folder)
        bare.append(await measures.bare_orders(house.bare, tokens=tokens, seconds=plan.orders))
        for server, runs in ((house.shop, shop), (house.logged, logged), (house.traced, traced)):
            runs.append(await measures.shop_orders(server, key=house.key, name=f"steady-{number}", seconds=plan.orders))
        bare_burst.append(await measures.bare_orders(house.bare, tokens=tokens, seconds=_BURST, connections=_CROWD))
        burst.append(
            await measures.shop_orders(
                house.shop, key=house.key, name=f"burst-{number}", seconds=_BURST, connections=_CROWD
            )
        )
    singles = await measures.one_at_a_time(
        house.timed, key=house.key, payment_secret=house.payment_secret, count=plan.singles, warm_up=50
    )
    busiest = max((one.run for one in (*bare_reads, *shop_reads, *bare, *shop)), key=lambda run: run.busy)
    report.say(
        _own_limit(most, busiest),
        f"This disk, meanwhile: 4 KB appended and synced in {1000 * percentile(disk, 50):.2f} ms at p50, "
        f"{1000 * percentile(disk, 99):.2f} at p99 (TMPDIR chooses another).",
        "",
    )
    report.reads(bare_reads, shop_reads)
    report.orders(
        bare=bare,
        shop=shop,
        logged=logged,
        traced=traced,
        bare_burst=bare_burst,
        burst=burst,
        crowd=_CROWD,
        sync=percentile(disk, 50),
    )
    steady = await _with_and_without(house, rounds=plan.turns, connections=8)
    crowd = await _with_and_without(house, rounds=plan.turns // 2, connections=_CROWD)
    report.counting(("8 connections", steady), (f"{_CROWD} connections", crowd))
    report.one_order(singles)


async def _with_and_without(house: House, *, rounds: int, connections: int) -> list[Sequence[Loaded]]:
    """Orders on shops that count their figures and shops that do not, as `counting_server.py` has them: a turn each in
    every round, in random order.
    """
    shops = list(map(house.counting.at, house.counting.ports))
    tokens = goods.customers(house.key, "turns")
    found = []
    for _ in range(rounds):
        turns = {}
        for number, shop in random.sample(list(enumerate(shops)), len(shops)):
            turns[number], _last = await measures.orders_done(
                shop, key=house.key, tokens=tokens, seconds=_TURN, connections=connections
            )
        found.append([turns[number] for number in range(len(shops))])
    return found


async def _warm_up(plan: Plan, house: House) -> None:
    """Until code and caches are warm: each shop has heard of every product, each file has its pages."""
    for server in (house.bare, house.shop):
        await measures.reads(server, seconds=plan.warm_up)
    tokens = goods.customers(house.key, "warm")
    await measures.bare_orders(house.bare, tokens=tokens, seconds=plan.warm_up)
    for server in (house.shop, house.logged, house.traced, *map(house.counting.at, house.counting.ports)):
        await measures.orders_done(server, key=house.key, tokens=tokens, seconds=plan.warm_up)


@contextmanager
def _opened(folder: Path, where: Cores) -> Iterator[House]:
    key, payment_secret = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    environ = {"SHOP_JWT_KEY": key, "SHOP_PAYMENT_SECRETS": payment_secret, "SHOP_LOG": "warning"}
    with ExitStack() as stack:

        def start(name: str, module: str, *arguments: str, **more: str) -> Server:
            told = started(module, *arguments, folder=folder / name, core=where.server, environ={**environ, **more})
            return stack.enter_context(told)

        echo = start("echo", "bench.echo")
        yield House(
            echo,
            start("bare", "bench.bare"),
            start("shop", "bench.shop_server"),
            start("logged", "bench.shop_server", SHOP_LOG="info"),
            start("traced", "bench.shop_server", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{echo.port}"),
            start("timed", "bench.shop_server", "timed"),
            start("counting", "bench.counting_server"),
            key,
            payment_secret,
        )


def _introduce(report: Report, where: Cores, folder: Path) -> None:
    pinned = (
        f"every server on core {where.server}, the load on core {where.load}"
        if where.apart
        else "servers and load wherever the system puts them: they may take each other's time"
    )
    report.say(
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {os.cpu_count()} cores: {pinned}.",
        f"One process each, uvicorn with httptools and uvloop, no access log; SHOP_LOG=warning. Stores in {folder}.",
    )


def _own_limit(most: Run, busiest: Run) -> str:
    return (
        f"The load by itself: up to {most.rate(200):,.0f} requests a second against a server that does nothing; "
        f"at most {busiest.busy:.0%} of its core was used below."
    )


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers and stores are cleared away
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
