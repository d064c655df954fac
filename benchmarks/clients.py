"""A shop's two clients for measuring latency: one sends events at a steady rate, one reads the answers.

Both are cheap, because they share the cores with the measured program: inputs are prepared in advance, events that
are due are sent once a millisecond, and the reader takes everything that has arrived at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from benchmarks.errors import BenchmarkError
from benchmarks.events import Input
from benchmarks.feed import Feed
from schemas.kinds import Kind
from streams.topology import EVENTS

TICK_SECONDS = 0.001
READ_AT_ONCE = 1_000


class _Trigger(msgspec.Struct):
    event_id: str


class _Record(msgspec.Struct):
    trigger: _Trigger


_decode_event = msgspec.json.Decoder(_Trigger).decode
_decode_record = msgspec.json.Decoder(_Record).decode


@dataclass(slots=True)
class Reader:
    """Reads a topic of records in a thread, from now on; ``seen`` has the arrival (monotonic) by event id."""

    brokers: str
    topic: str
    seen: dict[str, float] = field(default_factory=dict)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _failed: KafkaException | None = None

    def start(self) -> None:
        """Returns once it stands at the end of every partition."""
        settings: dict[str, str | int] = {
            "bootstrap.servers": self.brokers, "group.id": "benchmark-reader", "fetch.wait.max.ms": 500, "log_level": 0,
        }  # fmt: skip
        consumer = Consumer(settings)
        found = consumer.list_topics(self.topic, timeout=10.0).topics[self.topic].partitions
        places = [TopicPartition(self.topic, partition) for partition in found]
        for place in places:
            place.offset = consumer.get_watermark_offsets(place, timeout=10.0)[1]
        consumer.assign(places)
        consumer.poll(1.0)
        self._thread = threading.Thread(target=self._read, args=(consumer,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def check(self) -> None:
        """Raises :class:`BenchmarkError` when it could not go on reading."""
        if self._failed is not None:
            raise BenchmarkError(f"records could not be read: {self._failed}")

    def _read(self, consumer: Consumer) -> None:
        seen = self.seen
        while not self._stopped.is_set():
            first = consumer.poll(0.2)
            if first is None:
                continue
            arrived = time.monotonic()
            for message in (first, *consumer.consume(READ_AT_ONCE, timeout=0)):
                if message.error() is not None:
                    self._failed = KafkaException(message.error())
                    return
                seen.setdefault(_decode_record(message.value() or b"").trigger.event_id, arrived)
        consumer.close()


class Sender:
    """Sends events at a rate; ``sent`` has the moment (monotonic) of the call that sent each, by event id, in order."""

    def __init__(self, brokers: str, feed: Feed) -> None:
        self._names: dict[Kind, str] = {kind: feed.name(kind) for kind in EVENTS}
        settings: dict[str, str | int | bool] = {
            "bootstrap.servers": brokers, "partitioner": "murmur2_random", "linger.ms": 0, "log_level": 0,
            "delivery.report.only.error": True, "queue.buffering.max.messages": 1_000_000,
        }  # fmt: skip
        self._producer = Producer(settings)
        self._due: list[tuple[str, bytes, bytes, str]] = []
        self.sent: dict[str, float] = {}

    def load(self, inputs: Iterable[Input]) -> int:
        """Make ready what will be sent; returns how many."""
        names = self._names
        self._due = [(names[kind], key, value, _decode_event(value).event_id) for kind, key, value, _ in inputs]
        self.sent = {}
        return len(self._due)

    def send(self, rate: float, first: int, last: int) -> None:
        """Send the events from place ``first`` to ``last``, ``rate`` a second."""
        produce, poll, sent, due = self._producer.produce, self._producer.poll, self.sent, self._due
        began, done = time.monotonic(), first
        while done < last:
            now = time.monotonic()
            ready = min(last, first + 1 + int((now - began) * rate))
            for topic, key, value, event_id in due[done:ready]:
                sent[event_id] = time.monotonic()
                produce(topic, value, key, on_delivery=_refused)
            if ready > done:
                poll(0)
            done = ready
            pause = max(began + (done - first) / rate, now + TICK_SECONDS) - time.monotonic()
            if done < last and pause > 0:
                time.sleep(pause)

    def flush(self) -> None:
        """Until the broker has everything."""
        if self._producer.flush(30.0):
            raise BenchmarkError("the broker did not take all events within 30 s")


def _refused(error: object, message: object) -> None:
    raise BenchmarkError(f"the broker refused an event: {error}")
