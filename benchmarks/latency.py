"""``python -m benchmarks.latency``: event in, record out at steady rates; Headwater ranks, Kafka Streams only counts.

Times are measured by the clients, from the call that sends the event to the poll that returns the record that names
it as its trigger; so they include both clients. Broker, program and both clients share this machine's cores. Both
programs run all the time and take turns; the other one idles.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.events import Stream
from benchmarks.live import Answered, Live, live
from benchmarks.peers.programs import KAFKA_STREAMS_RECORDS, java_missing
from benchmarks.programs import WORKER, Peer
from benchmarks.report import MET, NOT_MET, print_limit, status_of
from headwater.cli.terminal import load_settings
from headwater.local_kafka.broker import LocalKafka

RATE = 1_000
"""The rate that the bars are for."""
TURNS, SECONDS, SETTLE_SECONDS = 5, 10.0, 2.0
CURVE = (200, 500, 2_000, 4_000, 8_000, 16_000, 32_000)
CURVE_SECONDS = 5.0
P50_MS, P99_MS, CORES = 4.0, 20.0, 0.6
IDLE_SECONDS = 3.0


def steady(programs: Sequence[Live], rate: int, turns: int, seconds: float, console: Console) -> list[list[Answered]]:
    """Each program's turns at the rate, in pairs, after one that is not counted."""
    for one in programs:
        one.hold(rate, SETTLE_SECONDS, 0.0, seed=99)
    found: list[list[Answered]] = [[] for _ in programs]
    for turn in range(turns):
        for one, answered in zip(programs, found, strict=True):
            result = one.hold(rate, seconds, SETTLE_SECONDS, seed=100 + turn)
            answered.append(result)
            console.print(
                f"run {turn + 1}/{turns}  {one.name:18} {rate:,} events / s: p50 {result.percentile(50):.1f} ms, "
                f"p99 {result.percentile(99):.1f} ms, {result.cores:.0%} of a core",
                highlight=False,
            )
    return found


def curve(programs: Sequence[Live], rates: Sequence[int], seconds: float) -> list[list[Answered]]:
    """Each program at each rate, up to the first one at which it does not keep up."""
    found: list[list[Answered]] = [[] for _ in programs]
    for number, rate in enumerate(rates):
        for one, answered in zip(programs, found, strict=True):
            if not answered or answered[-1].kept_up:
                answered.append(one.hold(rate, seconds, 1.0, seed=200 + number))
    return found


def table(title: str, rows: Sequence[tuple[str, Sequence[Answered]]]) -> Table:
    """One line for each program and rate: medians of its turns."""
    made = Table(title=title, title_justify="left")
    headings = ("events / s", "answers / s", "answered", "p50 ms", "p95 ms", "p99 ms", "CPU", "broker", "clients")
    for heading in ("program", *headings):
        made.add_column(heading, justify="left" if heading == "program" else "right")
    for name, turns in rows:
        made.add_row(
            name,
            f"{statistics.median(turn.rate for turn in turns):,.0f}",
            f"{statistics.median(turn.answers for turn in turns):,.0f}",
            f"{sum(len(turn.milliseconds) for turn in turns) / sum(turn.sent for turn in turns):.1%}",
            *(f"{statistics.median(turn.percentile(percent) for turn in turns):,.1f}" for percent in (50, 95, 99)),
            f"{statistics.median(turn.cores for turn in turns):.0%}",
            f"{statistics.median(turn.broker_cores for turn in turns):.0%}",
            f"{statistics.median(turn.client_cores for turn in turns):.0%}",
        )
    return made


def show(console: Console, programs: Sequence[Live], turns: list[list[Answered]], bends: list[list[Answered]]) -> bool:
    """Print both tables and the bars; whether they are met."""
    names = [one.name for one in programs]
    console.print(table("Event to record at a steady rate (medians)", list(zip(names, turns, strict=True))))
    rows = [(name, [answered]) for name, bend in zip(names, bends, strict=True) for answered in bend]
    if rows:
        console.print(table("Latency against rate, up to the first rate that is too high", rows))
    own = turns[0]
    return all([
        print_limit(console, "p50, ms", [turn.percentile(50) for turn in own], P50_MS),
        print_limit(console, "p99, ms", [turn.percentile(99) for turn in own], P99_MS),
        print_limit(console, "worker CPU, share of a core", [turn.cores for turn in own], CORES),
    ])  # fmt: skip


def peers(console: Console) -> list[Peer]:
    """Headwater, and Kafka Streams where it can run."""
    if (why := java_missing()) is not None:
        console.print(f"Kafka Streams is skipped: {why}", markup=False, highlight=False)
        return [WORKER]
    return [WORKER, KAFKA_STREAMS_RECORDS]


def run(console: Console, rate: int, turns: int, seconds: float, rates: Sequence[int]) -> bool:
    """Start broker and programs, measure, print; whether the bars are met."""
    with LocalKafka.from_settings(load_settings(), console.print) as kafka, contextlib.ExitStack() as stack:
        programs = []
        for peer in peers(console):
            namespace = f"latency-{peer.name.lower().replace(' ', '-')}"
            one = live(peer, kafka.bootstrap, kafka.pid, namespace, peer.groups(namespace), Stream("synthetic"))
            programs.append(stack.enter_context(one))
        for one in programs:
            console.print(f"{one.name}, idle: {one.idle(IDLE_SECONDS):.1%} of a core", highlight=False)
        at_rate = steady(programs, rate, turns, seconds, console)
        bends = curve(programs, rates, min(seconds, CURVE_SECONDS))
        return show(console, programs, at_rate, bends)


def main() -> int:
    """Measure and print; the status is one of those in ``benchmarks.report``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=int, default=RATE, help="events a second of the paired runs")
    parser.add_argument("--runs", type=int, help=f"paired runs (default {TURNS})")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="that each run is measured")
    parser.add_argument("--curve", type=int, nargs="*", default=list(CURVE), help="rates of the curve")
    parser.add_argument("--quick", action="store_true", help="two runs, half of the curve")
    chosen = parser.parse_args()
    console = Console(width=max(120, Console().width))
    rates = chosen.curve[1::2] if chosen.quick else chosen.curve
    turns = chosen.runs or (2 if chosen.quick else TURNS)
    return status_of(console, lambda: MET if run(console, chosen.rate, turns, chosen.seconds, rates) else NOT_MET)


if __name__ == "__main__":
    sys.exit(main())
