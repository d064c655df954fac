"""``python -m benchmarks.throughput`` (``make bench``): full learning while catching up, beside plain Faust and a bare loop.

One private Apache Kafka, and in every run each program after the other on fresh topics with the same events, so that the
ratios compare neighbours in time. Processor seconds are those of the whole process.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.errors import BenchmarkError
from benchmarks.events import Stream, mean_history
from benchmarks.measure import Measured
from benchmarks.programs import BARE, PLAIN, PLAIN_ALL_ROWS, WORKER, Peer, run
from benchmarks.report import print_ratio
from streams.cli.console import load_settings
from streams.local_kafka import LocalKafka

EVENTS, RUNS = 400_000, 5
QUICK_EVENTS, QUICK_RUNS = 200_000, 2
WARM_UP_SHARE = 0.25
TIMEOUT = 300.0
BAR = 20.0
"""Times plain Faust that the worker must reach (issue 10)."""


def measure_all(
    peers: Sequence[Peer], stream: Stream, events: int, runs: int, console: Console
) -> dict[str, list[Measured]]:
    """Measurements by program, one a run, in the same order."""
    measured: dict[str, list[Measured]] = {peer.name: [] for peer in peers}
    with LocalKafka.from_settings(load_settings(), console.print) as kafka:
        console.print(f"Apache Kafka {kafka.version} at {kafka.bootstrap}, {stream.name}")
        for turn in range(runs):
            for peer in peers:
                count = events // peer.scale
                result = run(
                    peer, kafka.bootstrap, f"bench-{turn}-{peer.name.lower().replace(' ', '-').replace(',', '')}",
                    scaled(stream, peer), warm_up=int(count * WARM_UP_SHARE), events=count, timeout=TIMEOUT,
                )  # fmt: skip
                measured[peer.name].append(result)
                console.print(
                    f"run {turn + 1}/{runs}  {peer.name:22} {result.events:9,} events  {result.per_cpu_second:9,.0f} / CPU-s"
                    f"  {result.per_second:9,.0f} / s",
                    highlight=False,
                )
    return measured


def scaled(stream: Stream, peer: Peer) -> Stream:
    """The peer's share of users; a log keeps its own."""
    return stream if stream.log is not None else replace(stream, users=stream.users // peer.scale)


def ratios(measured: dict[str, list[Measured]], name: str, other: str) -> list[float]:
    """Events per CPU-second of one program over another's, run by run."""
    pairs = zip(measured[name], measured[other], strict=True)
    return [one.per_cpu_second / two.per_cpu_second for one, two in pairs]


def table(measured: dict[str, list[Measured]], peers: Sequence[Peer], stream: Stream, events: int) -> Table:
    """Medians a program."""
    made = Table(title="Full learning while catching up (medians)", title_justify="left")
    for heading in ("program", "events", "history", "events / CPU-s", "CPU µs / event", "events / s", "MiB"):
        made.add_column(heading, justify="left" if heading == "program" else "right")
    for peer in peers:
        results = measured[peer.name]
        rate = statistics.median(result.per_cpu_second for result in results)
        count = events // peer.scale
        first = int(count * WARM_UP_SHARE)
        made.add_row(
            peer.name,
            f"{count:,}",
            f"{mean_history(scaled(stream, peer), first, first + count):.1f}",
            f"{rate:,.0f}",
            f"{1e6 / rate:,.1f}",
            f"{statistics.median(result.per_second for result in results):,.0f}",
            f"{statistics.median(result.memory_mib for result in results):,.0f}",
        )
    return made


def show_ratio(console: Console, measured: dict[str, list[Measured]], other: Peer, bar: float | None = None) -> float:
    """Print the median ratio of worker to ``other`` and its range; returns the median."""
    return print_ratio(console, f"worker / {other.name}", ratios(measured, WORKER.name, other.name), bar)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.throughput", description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, help=f"measured events for worker and bare loop (default {EVENTS:,})")
    parser.add_argument("--runs", type=int, help=f"paired runs (default {RUNS})")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs, in about 90 seconds")
    parser.add_argument("--all-rows", action="store_true", help="also plain Faust that writes every changed item row")
    return parser.parse_args()


def main() -> int:
    """Measure and print; 1 when the bar was not reached, 2 when nothing could be measured."""
    chosen = arguments()
    console = Console(width=max(110, Console().width))
    log = os.environ.get("HEADWATER_BENCH_LOG")
    stream = Stream(f"log {log}", Path(log)) if log else Stream("synthetic events: 20,000 users, 5,000 items, Zipf")
    events = chosen.events or (QUICK_EVENTS if chosen.quick else EVENTS)
    runs = chosen.runs or (QUICK_RUNS if chosen.quick else RUNS)
    peers = [PLAIN, BARE, WORKER] + ([PLAIN_ALL_ROWS] if chosen.all_rows else [])
    started = time.monotonic()
    try:
        measured = measure_all(peers, stream, events, runs, console)
    except BenchmarkError as error:
        console.print(f"Error: {error}", markup=False, style="red")
        return 2
    console.print(table(measured, peers, stream, events))
    for peer in peers:
        if peer not in (WORKER, PLAIN):
            show_ratio(console, measured, peer)
    reached = show_ratio(console, measured, PLAIN, BAR) >= BAR
    console.print(f"{time.monotonic() - started:.0f} s", highlight=False)
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
