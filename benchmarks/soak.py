"""``python -m benchmarks.soak`` (``make soak``): a worker at half of its saturation for 20 minutes; nothing may grow.

Every event is ranked and answered. Memory, file handles, threads, latency and lag are sampled every 10 seconds. The
verdict looks at the trend of the last three quarters. Every event must have its record at the end, and the lag must
be 0.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks.errors import BenchmarkError
from benchmarks.events import Stream
from benchmarks.feed import Feed
from benchmarks.latency import curve
from benchmarks.live import Live, live
from benchmarks.measure import Groups
from benchmarks.program import file_handles, threads
from benchmarks.programs import WORKER
from benchmarks.report import MET, NOT_MET, NOTHING
from benchmarks.soak_report import Sample, plot, trends, write_csv
from headwater.cli.terminal import load_settings
from headwater.local_kafka.broker import LocalKafka
from streams.topology import EVENTS

NAMESPACE = "soak"
MINUTES, SAMPLE_SECONDS = 20.0, 10.0
LADDER = (500, 1_000, 1_500, 2_000, 3_000, 4_000, 6_000, 8_000, 12_000)
RUNG_SECONDS = 5.0
SHARE = 0.5
STREAM, WARM_UP = Stream("soak", users=2_000), 300_000
"""Few users, whose histories are full after the warm-up: state that still fills up would grow, and should."""
DRAIN_SECONDS = 30.0
# 20 minutes of records would be several GB of the disk: the broker may drop old ones, as in production
BROKER = {
    "log.retention.check.interval.ms": "30000",
    "log.segment.bytes": str(64 << 20),
    "log.retention.bytes": str(256 << 20),
}


@dataclass(slots=True)
class Load:
    """Sends windows of events, and gives the latencies of the window before, whose records have all come by then."""

    live: Live
    rate: int
    inputs: Iterator[object]
    _waiting: dict[str, float]
    unanswered: int = 0

    def window(self, seconds: float) -> list[float]:
        """Send for ``seconds``; returns milliseconds."""
        sender = self.live.sender
        count = sender.load(itertools.islice(self.inputs, int(self.rate * seconds)))  # type: ignore[arg-type]
        sender.send(self.rate, 0, count)
        waiting, self._waiting = self._waiting, sender.sent
        return self._taken(waiting)

    def last(self) -> list[float]:
        """Of the last window, when everything had its time."""
        self.live.sender.flush()
        deadline = time.monotonic() + DRAIN_SECONDS
        while time.monotonic() < deadline and not self._waiting.keys() <= self.live.reader.seen.keys():
            time.sleep(0.1)
        return self._taken(self._waiting)

    def _taken(self, sent: dict[str, float]) -> list[float]:
        seen = self.live.reader.seen
        taken = [1000 * (seen.pop(event) - at) for event, at in sent.items() if event in seen]
        self.unanswered = len(sent) - len(taken)
        return taken


def saturation(one: Live) -> float:
    """Records a second at most, on the way up a ladder of rates."""
    (rungs,) = curve([one], LADDER, RUNG_SECONDS)
    return max(rung.answers for rung in rungs)


def soak(one: Live, feed: Feed, groups: Groups, rate: int, minutes: float, console: Console) -> list[Sample]:
    """A sample every ten seconds."""
    count, now_ms = int(rate * minutes * 60), time.time_ns() // 1_000_000
    inputs = replace(STREAM, seed=300).read(count, (now_ms, now_ms + int(minutes * 60_000)))
    load, samples = Load(one, rate, iter(inputs), {}), list[Sample]()
    lost = 0
    began = time.monotonic()
    load.window(SAMPLE_SECONDS)
    for _ in range(int(minutes * 60 / SAMPLE_SECONDS) - 1):
        cpu, at = one.program.cpu_seconds(), time.monotonic()
        taken = load.window(SAMPLE_SECONDS)
        cores = (one.program.cpu_seconds() - cpu) / (time.monotonic() - at)
        one.program.check()
        one.reader.check()
        lost += load.unanswered
        samples.append(sample(one, time.monotonic() - began, taken, lag(feed, groups), load.unanswered, cores))
        if len(samples) % 6 == 1:
            console.print(line(samples[-1]), highlight=False)
    load.last()
    lost += load.unanswered
    console.print(f"{count:,} events sent, {lost:,} without a record in time", highlight=False)
    if lost:
        raise BenchmarkError(f"{lost:,} of {count:,} events had no record")
    return samples


def sample(one: Live, seconds: float, taken: Sequence[float], behind: int, unanswered: int, cores: float) -> Sample:
    """The worker now."""
    p50, p99 = np.percentile(taken, (50, 99)) if taken else (float("nan"),) * 2
    pid = one.program.pid
    return Sample(
        seconds, one.program.memory_mib(), file_handles(pid), threads(pid), float(p50), float(p99), behind,
        unanswered, cores
    )  # fmt: skip


def line(now: Sample) -> str:
    """A sample in words."""
    return (
        f"{now.seconds / 60:5.1f} min  {now.memory_mib:6,.0f} MiB  {now.handles} handles  {now.threads} threads  "
        f"p50 {now.p50_ms:.1f} ms  p99 {now.p99_ms:.1f} ms  lag {now.lag:,}  {now.cpu_cores:.0%} of a core"
    )


def lag(feed: Feed, groups: Groups) -> int:
    """Events that are not committed."""
    topics = [feed.name(kind) for kind in EVENTS]
    committed = feed.committed(groups.events, topics)
    ends = itertools.chain.from_iterable(feed.ends(topic).items() for topic in topics)
    return sum(max(0, end - committed.get(place, 0)) for place, end in ends)


def wait_no_lag(feed: Feed, groups: Groups) -> None:
    """Raises :class:`BenchmarkError` when some is left."""
    deadline = time.monotonic() + DRAIN_SECONDS
    while behind := lag(feed, groups):
        if time.monotonic() > deadline:
            raise BenchmarkError(f"{behind:,} events are not committed {DRAIN_SECONDS:.0f} s after the last one")
        time.sleep(0.5)


def run(minutes: float, rate: int | None, console: Console) -> list[Sample]:
    """Start broker and worker, find the rate, hold it."""
    groups = WORKER.groups(NAMESPACE)
    settings = load_settings()
    with (
        LocalKafka(settings.cache_dir, kafka_home=settings.kafka_home, properties=BROKER) as kafka,
        live(WORKER, kafka.bootstrap, kafka.pid, NAMESPACE, groups, STREAM, WARM_UP) as one,
    ):
        if rate is None:
            most = saturation(one)
            rate = int(most * SHARE)
            console.print(f"saturated at {most:,.0f} records / s", highlight=False)
        console.print(f"{rate:,} events / s for {minutes:g} minutes", highlight=False)
        feed = Feed(kafka.bootstrap, NAMESPACE)
        try:
            samples = soak(one, feed, groups, rate, minutes, console)
            wait_no_lag(feed, groups)
        finally:
            feed.close()
    return samples


def main() -> int:
    """Measure and print; the status is one of those in ``benchmarks.report``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--rate", type=int, help="events a second (default: half of what it can)")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the samples there")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="write what is printed there, as a picture")
    chosen = parser.parse_args()
    console = Console(width=max(110, Console().width), record=chosen.svg is not None)
    try:
        samples = run(chosen.minutes, chosen.rate, console)
    except BenchmarkError as error:
        console.print(f"Error: {error}", markup=False, style="red")
        return NOTHING
    if chosen.csv is not None:
        write_csv(samples, chosen.csv)
    console.print(plot(samples), markup=False, highlight=False)
    found = trends(samples)
    for one in found:
        console.print(str(one), highlight=False)
    flat = all(one.flat for one in found)
    console.print("flat: yes, every event has its record, lag 0" if flat else "flat: NO", highlight=False)
    if chosen.svg is not None:
        console.save_svg(str(chosen.svg), title="Headwater, soak")
    return MET if flat else NOT_MET


if __name__ == "__main__":
    sys.exit(main())
