"""``python -m benchmarks.throughput``: full learning while catching up, beside plain Faust and a bare loop.

One private Apache Kafka. In every run, each program follows the other on fresh topics with the same events, so that
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
from benchmarks.events import Stream, mean_history, past
from benchmarks.measure import Measured, measure
from benchmarks.programs import BARE, PLAIN, PLAIN_ALL_ROWS, WORKER, Peer, run, started, warm_with
from benchmarks.report import INCOMPLETE, MET, NOT_MET, NOTHING, print_ratio, status_of
from headwater.cli.terminal import load_settings
from headwater.local_kafka.broker import LocalKafka

EVENTS, RUNS = 600_000, 5
QUICK_EVENTS, QUICK_RUNS = 200_000, 2
WARM_UP_SHARE = 0.25
TIMEOUT = 300.0
BARS = {PLAIN.name: 25.0, BARE.name: 0.5}
"""What the worker must reach, as times the program's events per CPU-second."""
RANKED, RANKED_WARM_UP = 15_000, 100_000


def measure_all(
    peers: Sequence[Peer], stream: Stream, events: int, runs: int, console: Console
) -> dict[str, list[Measured]]:
    """Measurements by program, one a run, in the same order; a program that fails has none."""
    measured: dict[str, list[Measured]] = {peer.name: [] for peer in peers}
    with LocalKafka.from_settings(load_settings(), console.print) as kafka:
        console.print(f"Apache Kafka {kafka.version} at {kafka.bootstrap}, {stream.name}")
        for turn in range(runs):
            for peer in [peer for peer in peers if peer.name in measured]:
                count = events // peer.scale
                try:
                    result = run(
                        peer, kafka.bootstrap, f"bench-{turn}-{peers.index(peer)}",
                        scaled(stream, peer), warm_up=int(count * WARM_UP_SHARE), events=count, timeout=TIMEOUT,
                    )  # fmt: skip
                except BenchmarkError as error:
                    console.print(f"{peer.name}: no figure: {error}", markup=False, highlight=False)
                    del measured[peer.name]
                    continue
                measured[peer.name].append(result)
                console.print(
                    f"run {turn + 1}/{runs}  {peer.name:22} {result.events:9,} events  "
                    f"{result.per_cpu_second:9,.0f} / CPU-s"
                    f"  {result.per_second:9,.0f} / s",
                    highlight=False,
                )
        ranked = with_rankings(kafka.bootstrap, stream)
        console.print(
            f"worker, every event ranked and answered: {ranked.events:,} events  {ranked.per_cpu_second:,.0f} / CPU-s"
            f"  {ranked.per_second:,.0f} / s  (one run)",
            highlight=False,
        )
    return measured


def with_rankings(brokers: str, stream: Stream) -> Measured:
    """The worker catching up on events that are young enough to be answered."""
    namespace = "bench-ranked"
    now_ms = time.time_ns() // 1_000_000
    groups = WORKER.groups(namespace)
    with started(WORKER, brokers, namespace) as (program, feed):
        warm_with(program, feed, groups, stream, stream.read(RANKED_WARM_UP, past(now_ms)))
        now_ms = time.time_ns() // 1_000_000
        burst = replace(stream, seed=99).read(RANKED, (now_ms, now_ms))
        return measure(feed, groups, program, burst, at_once=True, timeout=TIMEOUT)


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


def show_ratio(console: Console, measured: dict[str, list[Measured]], other: Peer) -> bool:
    """Print the median ratio of worker to ``other`` and its range; whether its bar is reached."""
    bar = BARS.get(other.name)
    middle = print_ratio(console, f"worker / {other.name}", ratios(measured, WORKER.name, other.name), bar)
    return bar is None or middle >= bar


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.throughput", description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, help=f"measured events for worker and bare loop (default {EVENTS:,})")
    parser.add_argument("--runs", type=int, help=f"paired runs (default {RUNS})")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs, in about 90 seconds")
    parser.add_argument("--all-rows", action="store_true", help="also plain Faust that writes every changed item row")
    return parser.parse_args()


def main() -> int:
    """Measure and print; the status is one of those in ``benchmarks.report``."""
    chosen = arguments()
    console = Console(width=max(110, Console().width))
    log = os.environ.get("HEADWATER_BENCH_LOG")
    stream = Stream(f"log {log}", Path(log)) if log else Stream("synthetic events: 20,000 users, 5,000 items, Zipf")
    events = chosen.events or (QUICK_EVENTS if chosen.quick else EVENTS)
    runs = chosen.runs or (QUICK_RUNS if chosen.quick else RUNS)
    peers = [PLAIN, BARE, WORKER] + ([PLAIN_ALL_ROWS] if chosen.all_rows else [])
    return status_of(console, lambda: show(console, peers, stream, events, runs))


def show(console: Console, peers: list[Peer], stream: Stream, events: int, runs: int) -> int:
    """The table with its ratios, and the status."""
    measured = measure_all(peers, stream, events, runs, console)
    if WORKER.name not in measured:
        return NOTHING
    left = [peer for peer in peers if peer.name in measured]
    console.print(table(measured, left, stream, events))
    reached = [show_ratio(console, measured, peer) for peer in left if peer is not WORKER]
    if not all(reached):
        return NOT_MET
    return MET if BARS.keys() <= measured.keys() else INCOMPLETE


if __name__ == "__main__":
    sys.exit(main())
