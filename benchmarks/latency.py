"""``python -m benchmarks.latency``: event in, recommendation record out, through broker and worker, with full rankings.

Times are taken on this side of the broker: from the call that sends the event to the poll that hands out the record that
names it as its trigger; so they contain both clients. Broker, worker and both clients share this machine's cores.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import threading
import time
from dataclasses import dataclass, field

import msgspec
import numpy as np
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from rich.console import Console
from rich.table import Table

from benchmarks.errors import BenchmarkError
from benchmarks.events import Stream, past
from benchmarks.feed import Feed
from benchmarks.measure import measure
from benchmarks.program import Program
from benchmarks.programs import WORKER, started, warm_with
from streams.cli.console import load_settings
from streams.local_kafka import LocalKafka
from streams.topics import INPUTS, RECOMMENDATIONS

WARM_UP = 100_000
RATES = (200, 1_000)
SATURATED = 15_000
SECONDS, SETTLE_SECONDS = 20, 3
"""A rate is held for both, and measured after the second."""
LAST_RECORDS_SECONDS = 10.0


class _Trigger(msgspec.Struct):
    event_id: str


class _Record(msgspec.Struct):
    trigger: _Trigger


_decode_event = msgspec.json.Decoder(_Trigger).decode
_decode = msgspec.json.Decoder(_Record).decode


@dataclass(frozen=True, slots=True)
class Answered:
    """Latencies in milliseconds of the answered events at one rate, and the worker's share of a core."""

    rate: float
    sent: int
    milliseconds: np.ndarray[tuple[int], np.dtype[np.float64]]
    cores: float


@dataclass(slots=True)
class Reader:
    """Reads the records of a namespace in a thread, from now on; ``seen`` has the arrival (monotonic) by event id."""

    brokers: str
    topic: str
    partitions: int
    seen: dict[str, float] = field(default_factory=dict)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Returns once it stands at the end of every partition."""
        consumer = Consumer({"bootstrap.servers": self.brokers, "group.id": "latency", "fetch.wait.max.ms": 100})
        places = [TopicPartition(self.topic, partition) for partition in range(self.partitions)]
        for place in places:
            place.offset = consumer.get_watermark_offsets(place, timeout=10.0)[1]
        consumer.assign(places)
        consumer.poll(1.0)
        self._thread = threading.Thread(target=self._read, args=(consumer,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _read(self, consumer: Consumer) -> None:
        while not self._stopped.is_set():
            message = consumer.poll(0.2)
            if message is None:
                continue
            arrived = time.monotonic()
            if message.error() is not None:
                raise KafkaException(message.error())
            self.seen.setdefault(_decode(message.value() or b"").trigger.event_id, arrived)
        consumer.close()


def steady(feed: Feed, program: Program, reader: Reader, rate: int, seed: int) -> Answered:
    """Send at ``rate`` events a second and wait for the answers."""
    count, settled = rate * (SETTLE_SECONDS + SECONDS), rate * SETTLE_SECONDS
    now_ms = time.time_ns() // 1_000_000
    inputs = Stream("live", seed=seed).read(count, (now_ms, now_ms + 1000 * (SETTLE_SECONDS + SECONDS)))
    names = {kind: feed.name(kind) for kind in INPUTS}
    producer = Producer({"bootstrap.servers": reader.brokers, "partitioner": "murmur2_random", "linger.ms": 0})
    sent: dict[str, float] = {}
    cpu = wall = 0.0
    began = time.monotonic()
    for number, (kind, key, value, _) in enumerate(list(inputs)):
        if number == settled:
            cpu, wall = program.cpu_seconds(), time.monotonic()
        pause = began + number / rate - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        event_id = _decode_event(value).event_id
        sent[event_id] = time.monotonic()
        producer.produce(names[kind], value, key)
        producer.poll(0)
    cores = (program.cpu_seconds() - cpu) / (time.monotonic() - wall)
    producer.flush(10.0)
    asked = list(sent)[settled:]
    deadline = time.monotonic() + LAST_RECORDS_SECONDS
    while time.monotonic() < deadline and not all(event_id in reader.seen for event_id in asked):
        time.sleep(0.1)
        program.check()
    taken = [1000 * (reader.seen[event_id] - sent[event_id]) for event_id in asked if event_id in reader.seen]
    elapsed = sent[asked[-1]] - sent[asked[0]]
    return Answered(len(asked) / elapsed, len(asked), np.array(taken), cores)


def row(made: Table, name: str, answered: Answered) -> None:
    """One rate's line."""
    times = answered.milliseconds
    p50, p95, p99 = np.percentile(times, (50, 95, 99)) if len(times) else (np.nan,) * 3
    made.add_row(
        name, f"{answered.rate:,.0f}", f"{len(times) / answered.sent:.1%}", f"{p50:,.1f}", f"{p95:,.1f}", f"{p99:,.1f}",
        f"{answered.cores:.0%}",
    )  # fmt: skip


def run(console: Console, rates: list[int]) -> Table:
    """Start broker and worker, saturate it once, then hold each rate."""
    made = Table(title="Event to record, every event ranked and answered", title_justify="left")
    for heading in ("load", "events / s", "answered", "p50 ms", "p95 ms", "p99 ms", "worker CPU"):
        made.add_column(heading, justify="left" if heading == "load" else "right")
    namespace = "bench-latency"
    stream, groups = Stream("synthetic"), WORKER.groups(namespace)
    with (
        LocalKafka.from_settings(load_settings(), console.print) as kafka,
        started(WORKER, kafka.bootstrap, namespace) as (program, feed),
    ):
        reader = Reader(kafka.bootstrap, RECOMMENDATIONS.name(namespace), load_settings().user_partitions)
        inputs = stream.read(WARM_UP, past(time.time_ns() // 1_000_000))
        warm_with(program, feed, groups, stream, inputs)
        reader.start()
        try:
            for number, rate in enumerate(rates):
                row(made, f"steady {rate:,}", steady(feed, program, reader, rate, seed=100 + number))
                console.print(f"{rate:,} events / s: measured", highlight=False)
            now_ms = time.time_ns() // 1_000_000
            burst = Stream("burst", seed=99).read(SATURATED, (now_ms, now_ms))
            full = measure(feed, groups, program, itertools.islice(burst, SATURATED), at_once=True, timeout=200.0)
        finally:
            reader.stop()
    made.add_row(
        "as fast as it can", f"{full.per_second:,.0f}", "", "", "", "", f"{full.cpu_seconds / full.wall_seconds:.0%}"
    )
    return made


def main() -> int:
    """Measure and print; 2 when nothing could be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__.splitlines()[0])
    parser.add_argument("--rates", type=int, nargs="+", default=list(RATES), help="events a second")
    chosen = parser.parse_args()
    console = Console(width=max(110, Console().width))
    try:
        console.print(run(console, chosen.rates))
    except BenchmarkError as error:
        console.print(f"Error: {error}", markup=False, style="red")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
