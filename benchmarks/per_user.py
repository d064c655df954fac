"""``python -m benchmarks.per_user``: the update of one user in Headwater and in other stream processors.

One private Apache Kafka. In every run, each program follows the other on fresh topics with the same clicks. A
program whose durable states are not exactly those of a replay in memory has no figure.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console
from rich.table import Table

from benchmarks.errors import BenchmarkError
from benchmarks.events import Input, Stream
from benchmarks.measure import Measured, measure, wait_drained
from benchmarks.peers.programs import HEADWATER, HEADWATER_FEW, PEERS, CountPeer
from benchmarks.peers.user_counts import clicks, difference, expected
from benchmarks.program import Program
from benchmarks.programs import started
from benchmarks.report import INCOMPLETE, MET, NOT_MET, NOTHING, print_ratio
from headwater.cli.terminal import load_settings
from headwater.local_kafka.broker import LocalKafka

EVENTS, RUNS = 3_000_000, 5
QUICK_EVENTS, QUICK_RUNS = 600_000, 2
WARM_UP_SHARE = 0.25
TIMEOUT, VERIFY_TIMEOUT = 300.0, 30.0


def measure_all(
    peers: Sequence[CountPeer], events: int, runs: int, console: Console
) -> dict[CountPeer, list[Measured]]:
    """Measurements by program, one a run, in the same order; a program that is wrong or fails has none."""
    measured: dict[CountPeer, list[Measured]] = {peer: [] for peer in peers}
    with LocalKafka.from_settings(load_settings(), console.print) as kafka:
        console.print(f"Apache Kafka {kafka.version} at {kafka.bootstrap}")
        for turn in range(runs):
            for peer in list(measured):
                try:
                    result = run(peer, kafka.bootstrap, f"users-{turn}-{PEERS.index(peer)}", events // peer.peer.scale)
                except BenchmarkError as error:
                    console.print(f"{peer.name}: no figure: {error}", markup=False, highlight=False)
                    del measured[peer]
                    continue
                measured[peer].append(result)
                console.print(
                    f"run {turn + 1}/{runs}  {peer.name:22} {result.events:9,} events  "
                    f"{result.per_cpu_second:9,.0f} / CPU-s"
                    f"  {result.per_second:9,.0f} / s",
                    highlight=False,
                )
    return measured


def run(peer: CountPeer, brokers: str, namespace: str, events: int) -> Measured:
    """One measurement; raises :class:`BenchmarkError` when the program's states are not as they should be."""
    stream = stream_of(peer)
    warm_up = int(events * WARM_UP_SHARE)
    inputs = iter(made(stream, warm_up + events))
    groups = peer.peer.groups(namespace)
    with started(peer.peer, brokers, namespace) as (program, feed):
        feed.produce(itertools.islice(inputs, warm_up))
        wait_drained(feed, groups, program, TIMEOUT)
        measured = measure(feed, groups, program, inputs, at_once=peer.peer.reads_committed, timeout=TIMEOUT)
        verify(peer, brokers, namespace, program, stream, warm_up + events)
    return measured


@functools.cache
def made(stream: Stream, count: int) -> list[Input]:
    """The clicks, kept in memory (450 bytes each): making them takes as long as producing them."""
    return list(clicks(stream, count))


def stream_of(peer: CountPeer) -> Stream:
    """The clicks of the peer's share of users."""
    whole = Stream("clicks")
    return replace(whole, users=whole.users // (peer.user_share or peer.peer.scale))


def verify(peer: CountPeer, brokers: str, namespace: str, program: Program, stream: Stream, events: int) -> None:
    """Every user's durable state must be that of the replay; some programs commit a moment before they write."""
    deadline = time.monotonic() + VERIFY_TIMEOUT
    while wrong := difference(peer.users(brokers, namespace, program), expected(stream, events)):
        if time.monotonic() > deadline:
            raise BenchmarkError(wrong)
        time.sleep(1.0)


def table(measured: dict[CountPeer, list[Measured]]) -> Table:
    """Medians a program."""
    made = Table(title="Per-user update (medians)", title_justify="left")
    for heading in ("program", "events", "users", "events / CPU-s", "CPU µs / event", "events / s", "MiB", "durable"):
        made.add_column(heading, justify="left" if heading in ("program", "durable") else "right")
    for peer, results in measured.items():
        rate = statistics.median(result.per_cpu_second for result in results)
        made.add_row(
            peer.name,
            f"{results[0].events:,}",
            f"{stream_of(peer).users:,}",
            f"{rate:,.0f}",
            f"{1e6 / rate:,.1f}",
            f"{statistics.median(result.per_second for result in results):,.0f}",
            f"{statistics.median(result.memory_mib for result in results):,.0f}",
            peer.durability,
        )
    return made


def show_ratio(console: Console, measured: dict[CountPeer, list[Measured]], peer: CountPeer) -> bool:
    """Print the median of Headwater's rate over the peer's and its range; whether the bar is reached."""
    own = HEADWATER_FEW if peer.few and HEADWATER_FEW in measured else HEADWATER
    pairs = zip(measured[own], measured[peer], strict=True)
    found = [one.per_cpu_second / two.per_cpu_second for one, two in pairs]
    middle = print_ratio(console, f"{own.name} / {peer.name}", found, peer.bar)
    return peer.bar is None or middle >= peer.bar


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.per_user", description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, help=f"measured events; slow programs get a share (default {EVENTS:,})")
    parser.add_argument("--runs", type=int, help=f"paired runs (default {RUNS})")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only these programs, beside Headwater")
    return parser.parse_args()


def wanted_peers(only: Sequence[str] | None) -> list[CountPeer]:
    """The programs of these names beside Headwater; all without names."""
    return [peer for peer in PEERS if not only or peer in (HEADWATER, HEADWATER_FEW) or peer.name in only]


def present(wanted: Sequence[CountPeer], console: Console) -> list[CountPeer]:
    """The programs that can run here; says which cannot, and why."""
    peers = []
    for peer in wanted:
        if (why := peer.missing()) is not None:
            console.print(f"{peer.name} is skipped: {why}", markup=False, highlight=False)
        else:
            peers.append(peer)
    return peers


def main() -> int:
    """Measure and print; the status is one of those in ``benchmarks.report``."""
    chosen = arguments()
    console = Console(width=max(140, Console().width))
    events = chosen.events or (QUICK_EVENTS if chosen.quick else EVENTS)
    runs = chosen.runs or (QUICK_RUNS if chosen.quick else RUNS)
    began = time.monotonic()
    wanted = wanted_peers(chosen.only)
    measured = measure_all(present(wanted, console), events, runs, console)
    if HEADWATER not in measured:
        return NOTHING
    console.print(table(measured))
    reached = [show_ratio(console, measured, peer) for peer in measured if peer not in (HEADWATER, HEADWATER_FEW)]
    console.print(f"{time.monotonic() - began:.0f} s", highlight=False)
    if not all(reached):
        return NOT_MET
    return INCOMPLETE if any(peer.bar is not None and peer not in measured for peer in wanted) else MET


if __name__ == "__main__":
    sys.exit(main())
