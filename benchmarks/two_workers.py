"""``python -m benchmarks.two_workers``: full learning while catching up, two workers on two cores and one on one core.

Each worker is pinned to its own core. The broker is not pinned, and takes what it needs of the same two cores: with
one worker that is the free core, with two it is taken from the workers. So three ratios of two workers to one are
printed:

* wall: events a second as they were;
* accounted: wall, divided by the share of the two cores that the broker left to the two workers (the target is for
  this);
* CPU: twice the events per CPU-second of the workers: what both would do, each busy on a core of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import re
import statistics
import sys
import time
import urllib.error
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.errors import BenchmarkError
from benchmarks.events import Stream, past
from benchmarks.feed import Feed
from benchmarks.measure import measure
from benchmarks.program import Program, Programs, cpu_seconds, running
from benchmarks.programs import WORKER, environment, fresh_topics, page, warm_with
from benchmarks.report import MET, NOT_MET, print_ratio, status_of
from headwater.cli.terminal import load_settings
from headwater.local_kafka.broker import LocalKafka

EVENTS, RUNS = 400_000, 5
QUICK_EVENTS, QUICK_RUNS = 200_000, 2
WARM_UP = 100_000
TIMEOUT = 300.0
READY_TIMEOUT, READY_TIMES = 60.0, 10
"""All workers must be ready so many times in a row, 0.2 s apart: the second one's arrival moves partitions."""
BAR = 1.8
_LEARNED = re.compile(r'^headwater_events_total\{outcome="learned",topic="events.*?"\} (\S+)$', re.M)


@dataclass(frozen=True, slots=True)
class Caught:
    """One catch-up of some workers."""

    per_second: float
    per_cpu_second: float
    shares: Sequence[float]
    """Of the events that each worker learned."""
    busy: Sequence[float]
    """Share of its core that each worker used."""
    broker_cores: float


class Watched(Programs):
    """Workers; each question for their processor time also notes when it was, and what each and the broker had used."""

    def __init__(self, programs: Sequence[Program], broker_pid: int) -> None:
        super().__init__(programs)
        self._broker_pid = broker_pid
        self.notes: list[list[float]] = []

    def cpu_seconds(self) -> float:
        used = [program.cpu_seconds() for program in self.programs]
        self.notes.append([time.monotonic(), cpu_seconds(self._broker_pid), *used])
        return sum(used)


def catch_up(workers: int, kafka: LocalKafka, namespace: str, events: int) -> Caught:
    """Start so many workers, warm them up, have them catch up."""
    stream = Stream("synthetic")
    inputs = stream.read(WARM_UP + events, past(time.time_ns() // 1_000_000))
    groups = WORKER.groups(namespace)
    with pinned_workers(workers, kafka.bootstrap, namespace) as (programs, feed):
        watched = Watched(programs, kafka.pid)
        wait_ready(watched)
        warm_with(watched, feed, groups, stream, itertools.islice(inputs, WARM_UP))
        before = [learned(program) for program in programs]
        watched.notes.clear()
        measured = measure(feed, groups, watched, inputs, at_once=True, timeout=TIMEOUT)
        first, last = watched.notes
        counts = [learned(program) - count for program, count in zip(programs, before, strict=True)]
    if sum(counts) != events:
        raise BenchmarkError(f"the workers learned {sum(counts):,.0f} of {events:,} events")
    wall, broker, *busy = ((end - start) for start, end in zip(first, last, strict=True))
    return Caught(
        measured.per_second, measured.per_cpu_second, [count / events for count in counts],
        [used / wall for used in busy], broker / wall,
    )  # fmt: skip


@contextlib.contextmanager
def pinned_workers(count: int, brokers: str, namespace: str) -> Iterator[tuple[list[Program], Feed]]:
    """Workers of one namespace on fresh topics, each on a core of its own."""
    with fresh_topics(brokers, namespace) as (feed, folder), contextlib.ExitStack() as stack:
        programs = [
            stack.enter_context(_pinned(core, brokers, namespace, folder / f"w{core}")) for core in range(count)
        ]
        yield programs, feed


def _pinned(core: int, brokers: str, namespace: str, folder: Path) -> contextlib.AbstractContextManager[Program]:
    command = [sys.executable, "-m", "benchmarks.pinned", str(core), *WORKER.start(brokers, namespace, folder)]
    return running(command, folder, environment(brokers, namespace, folder))


def wait_ready(workers: Programs) -> None:
    """Until all are ready and stay so."""
    deadline, times = time.monotonic() + READY_TIMEOUT, 0
    while times < READY_TIMES:
        workers.check()
        if time.monotonic() > deadline:
            raise BenchmarkError(f"the workers are not ready after {READY_TIMEOUT:.0f} s:\n{workers.tail()}")
        times = times + 1 if all(map(is_ready, workers.programs)) else 0
        time.sleep(0.2)


def is_ready(program: Program) -> bool:
    """What /readyz says; no while the worker has not said where that is."""
    try:
        page(program, "/readyz")
    except (BenchmarkError, urllib.error.URLError):
        return False
    return True


def learned(program: Program) -> float:
    """Events that a worker has learned."""
    return sum(map(float, _LEARNED.findall(page(program, "/metrics"))))


def measure_all(events: int, runs: int, console: Console) -> list[tuple[Caught, Caught]]:
    """Pairs of one worker's and two workers' runs."""
    pairs = []
    with LocalKafka.from_settings(load_settings(), console.print) as kafka:
        console.print(f"Apache Kafka {kafka.version} at {kafka.bootstrap}")
        for turn in range(runs):
            one, two = (catch_up(count, kafka, f"workers-{turn}-{count}", events) for count in (1, 2))
            pairs.append((one, two))
            for name, caught in (("one worker", one), ("two workers", two)):
                console.print(
                    f"run {turn + 1}/{runs}  {name:12} {caught.per_second:9,.0f} / s  "
                    f"{caught.per_cpu_second:9,.0f} / CPU-s",
                    highlight=False,
                )
    return pairs


def table(pairs: Sequence[tuple[Caught, Caught]], events: int) -> Table:
    """Medians."""
    made = Table(title=f"Catching up on {events:,} events (medians)", title_justify="left")
    for heading in ("workers", "events / s", "events / CPU-s", "of the events", "of their cores", "broker, cores"):
        made.add_column(heading, justify="left" if heading == "workers" else "right")
    for name, runs in zip(("one, one core", "two, two cores"), zip(*pairs, strict=True), strict=True):
        made.add_row(
            name,
            f"{statistics.median(run.per_second for run in runs):,.0f}",
            f"{statistics.median(run.per_cpu_second for run in runs):,.0f}",
            " + ".join(
                f"{statistics.median(shares):.0%}" for shares in zip(*(run.shares for run in runs), strict=True)
            ),
            " + ".join(f"{statistics.median(busy):.0%}" for busy in zip(*(run.busy for run in runs), strict=True)),
            f"{statistics.median(run.broker_cores for run in runs):.2f}",
        )
    return made


def show(console: Console, pairs: Sequence[tuple[Caught, Caught]], events: int) -> bool:
    """Print table and ratios; whether the bar is reached."""
    console.print(table(pairs, events))
    wall = [two.per_second / one.per_second for one, two in pairs]
    accounted = [ratio * 2 / (2 - two.broker_cores) for ratio, (_, two) in zip(wall, pairs, strict=True)]
    print_ratio(console, "two workers / one, wall", wall)
    print_ratio(console, "two workers / one, CPU", [2 * two.per_cpu_second / one.per_cpu_second for one, two in pairs])
    return print_ratio(console, "two workers / one, broker accounted for", accounted, BAR) >= BAR


def main() -> int:
    """Measure and print; the status is one of those in ``benchmarks.report``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.two_workers", description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, help=f"events of each run (default {EVENTS:,})")
    parser.add_argument("--runs", type=int, help=f"paired runs (default {RUNS})")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs")
    chosen = parser.parse_args()
    console = Console(width=max(110, Console().width))
    events = chosen.events or (QUICK_EVENTS if chosen.quick else EVENTS)
    runs = chosen.runs or (QUICK_RUNS if chosen.quick else RUNS)
    return status_of(console, lambda: MET if show(console, measure_all(events, runs, console), events) else NOT_MET)


if __name__ == "__main__":
    sys.exit(main())
