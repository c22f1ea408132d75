"""`python -m emulator.traces [--port 4318]`: a receiver of spans that shows each trace as a tree, when it is quiet."""

from __future__ import annotations

import argparse
import time

from rich.console import Console

from emulator.collector import Collector, Seen, collecting

_QUIET = 1.0  # seconds without a new span


def main() -> None:
    """Until it is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m emulator.traces", description=__doc__)
    parser.add_argument("--port", type=int, default=4318, help="of 127.0.0.1; OTLP over HTTP has 4318")
    console = Console(highlight=False)
    with collecting(parser.parse_args().port) as collector:
        told = " ".join(f"{name}={value}" for name, value in collector.environ.items())
        console.print(f"{told} shop serve --demo", soft_wrap=True)
        _show(collector, console)


def _show(collector: Collector, console: Console) -> None:
    known, shown, changed = 0, dict[str, int](), time.monotonic()
    while True:
        time.sleep(_QUIET / 10)
        if len(collector.spans) != known:
            known, changed = len(collector.spans), time.monotonic()
        elif time.monotonic() - changed > _QUIET:
            sizes: dict[str, int] = {}
            for one in list(collector.spans):
                sizes[one.trace] = sizes.get(one.trace, 0) + 1
            for trace in [trace for trace, size in sizes.items() if shown.get(trace) != size]:
                console.print(f"\n[bold]{trace}[/]")
                console.print("\n".join(collector.tree(trace, _line, in_time=True)), markup=False)
            shown = sizes


def _line(one: Seen) -> str:
    layers = [name.rpartition(".")[2] for name in one.attributes if name.startswith("shop.cache.")]
    told = [f"by {one.attributes[who]}"] if (who := "messaging.consumer.group.name") in one.attributes else []
    told += [f"from {', '.join(layers)}"] if layers else []
    told += [f"FAILED {one.failed}"] if one.failed is not None else []
    return " ".join([f"{one.took / 1e6:7.2f} ms  {one}", *told])


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
