"""Reads the source topics by librdkafka, which fetches and parses in its own threads.

aiokafka, which does the group membership, would take much more processor time per record:
``docs/decisions/0015-sources-and-outputs-by-librdkafka.md`` has the figures.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from operator import methodcaller
from typing import Any, NamedTuple

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition
from faust.types import TP
from msgspec import Struct

from streams.broker.brokers import Brokers
from streams.clock import Clock
from streams.engine.errors import LogReplacedError, log_replaced
from streams.engine.gaps import Gap
from streams.engine.pace import Pace
from streams.engine.source_errors import SourceErrors

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5
HIGHWATER_SECONDS = 1.0
ASK_SECONDS = 2.0
"""For an answer about the ends of partitions."""
AT_ONCE = 4_096
"""The most records that are handed over together."""
_GONE = frozenset({KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._LOG_TRUNCATION})
_headers = methodcaller("headers")
"""Checks that confluent-kafka has set no error, which a method that is called often is not asked for."""
UNREADABLE: list[tuple[str, bytes | None]] = [("headers-unreadable", b"true")]
"""In place of headers that cannot be read."""
FEW_BYTES = 700
"""While many records come, the broker waits for this much before it answers a fetch: two or three events."""


class Record(Struct, gc=False):
    """A record of a source topic; ``timestamp`` in epoch ms."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]] | None = None


class Fetched(NamedTuple):
    """What was read since the last time."""

    runs: dict[TP, list[Record]]
    """Records by partition, in order."""
    ends: dict[TP, int]
    """Offsets at which partitions ended for now; unlike the last record + 1 they are behind transaction markers."""
    highwaters: dict[TP, int]
    """Where partitions end, open transactions included; asked for once a second, else empty."""
    gaps: Sequence[Gap] = ()
    """Offsets that were to be read and are gone."""
    waiting: int | None = None
    """How many records waited when reading began; said once, before the first record."""
    failure: BaseException | None = None


class SourceReader:
    """Reads partitions from given offsets on until it is stopped; each assignment has a new one."""

    def __init__(
        self,
        brokers: Brokers,
        group: str,
        starts: Mapping[TP, int | None],
        deliver: Callable[[SourceReader, Fetched], None],
        most: int,
        clock: Clock,
        wait: float = 0.0,
    ) -> None:
        """``starts``: first offset by partition, None for its beginning. ``deliver`` is called on the running loop.

        At most about ``most`` records are handed over before ``taken`` is called for them. ``wait``: seconds for which
        the broker may hold records back while many come (`Pace`).
        """
        self._deliver, self._most, self._clock = deliver, most, clock
        self._loop = asyncio.get_running_loop()
        self._names: dict[tuple[str, int], TP] = {(tp.topic, tp.partition): tp for tp in starts}
        self.handed = self.taken_records = 0
        """Records handed over so far, and those of them that the stage has taken."""
        self._room = threading.Event()
        self._stopped = False
        self._looked_at = 0.0
        self._errors = SourceErrors(brokers, clock)
        self._failure: BaseException | None = None
        self._next = {tp: OFFSET_BEGINNING if offset is None else offset for tp, offset in starts.items()}
        self._cut: set[TP] = set()
        """Partitions whose next offset is gone: they are not fetched until another one is set."""
        self._pace = Pace(clock)
        settings = _configuration(brokers, group) | {"error_cb": self._see_client_error}
        self._consumer = Consumer(settings, logger=log)
        # The wait of a client cannot be changed later, so each pace has its own client. One of them has the partitions.
        patient = {"fetch.wait.max.ms": round(wait * 1000), "fetch.min.bytes": FEW_BYTES}
        self._other = Consumer(settings | patient, logger=log) if wait else None
        self._assign()
        threading.Thread(target=self._run, name=f"sources of {group}", daemon=True).start()

    def taken(self, records: int) -> None:
        """Note that the stage has taken so many of the records that were handed over."""
        self.taken_records += records
        self._room.set()

    def stop(self) -> None:
        """Deliver nothing more; returns at once."""
        self._stopped = True
        self._room.set()

    # ---- in a thread of its own
    def _run(self) -> None:
        try:
            self._hand_over(Fetched({}, {}, {}, waiting=self._waiting()))
            while not self._stopped:
                consumer = self._consumer
                if self.handed - self.taken_records > self._most:
                    self._room.clear()
                    if self.handed - self.taken_records > self._most:
                        self._room.wait(POLL_SECONDS)
                    continue
                first = consumer.poll(POLL_SECONDS)
                messages = [] if first is None else [first, *consumer.consume(AT_ONCE, timeout=0)]
                if self._failure is not None:
                    raise self._failure
                runs, ends = self._sorted(messages)
                self._hand_over(Fetched(runs, ends, self._highwaters(), self._behind_cuts()))
                if self._pace.changes(sum(map(len, runs.values()))) and self._other is not None:
                    self._consumer.unassign()
                    self._consumer, self._other = self._other, self._consumer
                    self._assign()
        except Exception as exc:
            self._hand_over(Fetched({}, {}, {}, failure=exc))
        finally:
            self._consumer.close()
            if self._other is not None:
                self._other.close()

    def _assign(self) -> None:
        self._consumer.assign([TopicPartition(tp.topic, tp.partition, offset) for tp, offset in self._next.items()])

    def _waiting(self) -> int | None:
        """How many offsets lie before the reader; None where the broker does not say so in time."""
        try:
            first, last = (
                self._consumer.offsets_for_times(
                    [TopicPartition(tp.topic, tp.partition, which) for tp in self._next], timeout=ASK_SECONDS
                )
                for which in (OFFSET_BEGINNING, OFFSET_END)
            )
        except KafkaException:
            return None
        lows = {self._names[tp.topic, tp.partition]: tp.offset for tp in first}
        highs = {self._names[tp.topic, tp.partition]: tp.offset for tp in last}
        return sum(max(0, highs[tp] - max(at, lows[tp])) for tp, at in self._next.items())

    def _behind_cuts(self) -> Sequence[Gap]:
        """Go on behind offsets that are gone; raises :class:`LogReplacedError` where the log ends before them."""
        if not self._cut:
            return ()
        gaps: list[Gap] = []
        try:
            for tp in self._cut:
                place = TopicPartition(tp.topic, tp.partition)
                low, high = self._consumer.get_watermark_offsets(place, timeout=ASK_SECONDS)
                at = self._next[tp]
                if at > high:
                    raise LogReplacedError(log_replaced(tp.topic, tp.partition, at - 1, high))
                if 0 <= at < low:
                    gaps.append(Gap(tp, at, low))
                self._next[tp] = max(at, low)
        except KafkaException:
            return ()  # no answer: asked again in a moment
        self._cut.clear()
        self._assign()
        return gaps

    def _hand_over(self, fetched: Fetched) -> None:
        if self._stopped or not (any(fetched) or fetched.waiting is not None):
            return
        self.handed += sum(map(len, fetched.runs.values()))
        try:
            self._loop.call_soon_threadsafe(self._deliver, self, fetched)
        except RuntimeError:  # the loop is closed
            self._stopped = True

    def _highwaters(self) -> dict[TP, int]:
        """Ask for the ends of partitions, in this thread: a call from another one would wait for ``poll`` to return."""
        if self._clock.monotonic() < self._looked_at + HIGHWATER_SECONDS:
            return {}
        self._looked_at = self._clock.monotonic()
        ask = self._consumer.get_watermark_offsets
        highs = {tp: ask(TopicPartition(*place), cached=True)[1] for place, tp in self._names.items()}
        return {tp: high for tp, high in highs.items() if high >= 0}

    def _sorted(self, messages: list[Message]) -> tuple[dict[TP, list[Record]], dict[TP, int]]:
        runs: dict[TP, list[Record]] = {}
        ends: dict[TP, int] = {}
        last, add = None, list[Record]().append
        headers: Any
        for message in messages:
            error = message.error()
            if error is not None:
                self._see_error(message, error, ends)
                continue
            place = (message.topic(), message.partition())
            if place != last:
                last, add = place, runs.setdefault(self._names[place], []).append  # type: ignore[index]
            try:
                headers = _headers(message)
            except SystemError:  # confluent-kafka's, for a name that is not UTF-8
                headers = UNREADABLE
            at = message.timestamp()[1]
            add(Record(message.offset(), at, message.key(), message.value(), headers))  # type: ignore[arg-type]
        self._next.update((tp, run[-1].offset + 1) for tp, run in runs.items())
        self._next.update((tp, max(end, self._next[tp])) for tp, end in ends.items())
        return runs, ends

    def _see_error(self, message: Message, error: KafkaError, ends: dict[TP, int]) -> None:
        if error.code() == KafkaError._PARTITION_EOF:
            ends[self._names[message.topic(), message.partition()]] = message.offset()  # type: ignore[index,assignment]
        elif error.code() in _GONE:
            self._cut.add(self._names[message.topic(), message.partition()])  # type: ignore[index]
        else:
            topic = message.topic() or ""
            place = f"{topic}-{message.partition()} at offset {message.offset()}"
            self._errors.see(error, topic, place)

    def _see_client_error(self, error: KafkaError) -> None:
        """Keep an error of no partition (a refused login, say): this is called within ``poll`` and must not raise."""
        try:
            self._errors.see(error)
        except Exception as exc:
            self._failure = exc


def _configuration(brokers: Brokers, group: str) -> dict[str, Any]:
    return brokers.librdkafka() | {
        "group.id": group,  # required, but this client neither joins the group nor commits
        "client.id": f"{group}.sources",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",  # an offset that is gone is to be reported
        "isolation.level": "read_committed",
        "check.crcs": True,
        "enable.partition.eof": True,
        "allow.auto.create.topics": False,
        "fetch.wait.max.ms": 100,  # the first fetch is of one partition alone, and the others wait for its answer
        "fetch.message.max.bytes": 4 << 20,
        "fetch.queue.backoff.ms": 10,  # while its queue is full; the default waits a second
        "fetch.error.backoff.ms": 100,
        "queued.min.messages": 20_000,
        "queued.max.messages.kbytes": 32 << 10,
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1_000,
        "log_level": 2,  # the worker itself says that a broker cannot be reached
    }
