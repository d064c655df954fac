"""Sends events and reads the recommendations that answer them, as a shop would, and measures the time between.

The latency of an answer is the record's Kafka timestamp minus that of the event that triggered it. An event is answered
when the record that names it as its trigger has come.
"""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from headwater.importers.replay_file import ReplayLine
from schemas.kinds import KIND_OF_TOPIC
from streams.broker.brokers import Brokers
from streams.broker.producing import event_producer
from streams.errors import BrokerError, OperatorError
from streams.settings import Settings
from streams.stages.event_time import ARRIVED_HEADER
from streams.topology import RECOMMENDATIONS

QUIET_TIMEOUT = 20.0
PATIENCE = 0.3  # seconds after which a user acts again, answer or not
Answer = dict[str, Any]
"""A recommendation, as JSON has it."""


@dataclass(slots=True)
class DemoPhase:
    """Events that were sent at one pace, and how soon they were answered."""

    pace: str
    events: int = 0
    begun: float = field(default_factory=time.monotonic)
    ended: float = 0.0
    latencies: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Milliseconds, by ``text_source``."""

    @property
    def rate(self) -> float:
        """Events a second, from the first that was sent to the last answer."""
        return self.events / max(self.ended - self.begun, 1e-9)


@dataclass(slots=True)
class Outcome:
    """What came of the events."""

    sent: Counter[str] = field(default_factory=Counter)
    """Records sent, by topic suffix."""
    answered: int = 0
    """Events whose own record has come."""
    records: int = 0
    """Different ones: a record whose id has come before does not count."""
    texts: Counter[str] = field(default_factory=Counter)
    phases: list[DemoPhase] = field(default_factory=list)

    @property
    def events(self) -> int:
        return sum(count for suffix, count in self.sent.items() if KIND_OF_TOPIC[suffix].is_event)


@dataclass(frozen=True, slots=True)
class _Sent:
    """An event on its way, with its Kafka timestamp."""

    user_id: str
    at_ms: int
    phase: DemoPhase


class Feed:
    """One producer and one consumer, in one thread: :meth:`begin` a phase, :meth:`send` its events, :meth:`drain`.

    ``on_record`` hears every new recommendation, ``on_sent`` every line that leaves; ``check`` is called now and then
    and raises when going on is useless. A user acts again after ``patience`` seconds, answer or not. Events come
    now or, ``as_it_occurred``, as if they came when they occurred: the lists that answer them are made for that time.
    """

    def __init__(
        self,
        brokers: Brokers,
        settings: Settings,
        *,
        max_outstanding: int,
        on_record: Callable[[Answer], None],
        check: Callable[[], None],
        on_sent: Callable[[ReplayLine], None] = lambda line: None,
        patience: float = PATIENCE,
        as_it_occurred: bool = False,
    ) -> None:
        self._namespace = settings.namespace
        self._max_outstanding, self._patience, self._as_it_occurred = max_outstanding, patience, as_it_occurred
        self._on_record, self._on_sent, self._check = on_record, on_sent, check
        self._producer = event_producer(brokers)
        self._consumer = Consumer(
            brokers.librdkafka()
            | {"group.id": f"{settings.namespace}.demo", "enable.auto.commit": False}
            | {"fetch.wait.max.ms": 20, "log_level": 0}
        )
        topic = RECOMMENDATIONS.name(settings.namespace)
        partitions = range(RECOMMENDATIONS.partitions(settings))
        self._consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in partitions])
        self._waiting: dict[str, _Sent] = {}
        """Events without an answer, by id."""
        self._pending: Counter[str] = Counter()
        """How many of them a user has."""
        self._acted: dict[str, float] = {}
        self._ids: set[str] = set()
        self._heard = time.monotonic()
        self.outcome = Outcome()

    @property
    def outstanding(self) -> int:
        """Events that no record answers yet."""
        return len(self._waiting)

    def is_waiting(self, user_id: str) -> bool:
        """Whether the user has acted and neither got an answer nor lost patience."""
        if not self._pending[user_id]:
            return False
        return time.monotonic() - self._acted[user_id] < self._patience

    def send_aside(self, lines: Iterable[ReplayLine]) -> int:
        """Send what no answer is expected to, the catalogue say, and wait until the broker has it; returns how many."""
        count = 0
        for line in lines:
            self._produce(line, 0)
            count += 1
        if self._producer.flush(30.0):
            raise BrokerError("The broker does not take what is sent.")
        return count

    def begin(self, pace: str) -> None:
        """What is sent from now on belongs to a phase of its own."""
        self.outcome.phases.append(DemoPhase(pace))

    def send(self, line: ReplayLine) -> None:
        """Send one event as soon as few enough are outstanding. Raises what ``check`` raises, ``OperatorError``."""
        while self.outstanding >= self._max_outstanding:
            self.read(0.005)
        if not self._waiting:
            self._heard = time.monotonic()
        now = time.time_ns() // 1_000_000
        self._produce(line, now)
        value = line["value"]
        sent = _Sent(value["user_id"], now, self.outcome.phases[-1])
        sent.phase.events += 1
        self._waiting[value["event_id"]] = sent
        self._acted[sent.user_id] = time.monotonic()
        self._pending[sent.user_id] += 1

    def read(self, timeout: float) -> None:
        """Take in what has come; waits up to ``timeout`` seconds for the first record."""
        self._producer.poll(0)
        for message in self._consumer.consume(1000, timeout):
            if (error := message.error()) is not None:
                raise BrokerError(f"Recommendations cannot be read: {error.str()}")
            self._take(json.loads(message.value() or b"{}"), message.timestamp()[1])
        if time.monotonic() - self._heard > 1.0:
            self._check()
        if self._waiting and time.monotonic() - self._heard > QUIET_TIMEOUT:
            raise OperatorError(
                f"No recommendation for {QUIET_TIMEOUT:.0f} s while {self.outstanding} events wait for one."
            )

    def drain(self, timeout: float) -> None:
        """Wait until every event is answered, at most ``timeout`` seconds, and end the phase."""
        deadline = time.monotonic() + timeout
        self._producer.flush(timeout)
        while self._waiting and time.monotonic() < deadline:
            self.read(0.05)
        self.outcome.phases[-1].ended = time.monotonic()

    def close(self) -> None:
        self._producer.purge()
        self._producer.flush(1.0)
        self._consumer.close()

    def _produce(self, line: ReplayLine, at_ms: int) -> None:
        suffix, value = line["topic"], line["value"]
        body = None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        key = (line["key"] if value is None else value[KIND_OF_TOPIC[suffix].key_field]).encode()
        headers: list[tuple[str, str | bytes | None]] = []
        if self._as_it_occurred and KIND_OF_TOPIC[suffix].is_event:
            headers.append((ARRIVED_HEADER, str(value["occurred_at"])))
        topic = f"{self._namespace}.{suffix}"
        self._producer.produce(topic, body, key, timestamp=at_ms, headers=headers, on_delivery=_delivered)
        self._on_sent(line)
        self.outcome.sent[suffix] += 1
        self._producer.poll(0)

    def _take(self, record: Answer, at_ms: int) -> None:
        self._heard = time.monotonic()
        if record["recommendation_id"] in self._ids:
            return
        self._ids.add(record["recommendation_id"])
        self.outcome.records += 1
        self.outcome.texts[record["text_source"]] += 1
        if (trigger := self._waiting.pop(record["trigger"]["event_id"], None)) is not None:
            trigger.phase.latencies[record["text_source"]].append(at_ms - trigger.at_ms)
            self._pending[trigger.user_id] -= 1
            self.outcome.answered += 1
        self._on_record(record)


def _delivered(error: object, message: object) -> None:
    if error is not None:
        raise BrokerError(f"The broker did not take an event: {error}")
