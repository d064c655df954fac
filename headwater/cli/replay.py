"""``headwater replay``: a replay file into the topics.

Kafka keeps records by their Kafka timestamp, so this is always now: an old one would be deleted at once, read or not.
When an event came to Kafka for the first time is in a header (`streams.stages.event_time.ARRIVED_HEADER`).
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater.cli.lines import FromNamespace
from headwater.cli.terminal import fail, guarded, load_settings, note, progress, require_brokers

if TYPE_CHECKING:
    from confluent_kafka import Producer

    from schemas.records import Event, Record
    from schemas.rejection import Rejection
    from schemas.replay_file import Line
    from streams.broker.brokers import Brokers
    from streams.settings import Settings

PROBLEMS_SHOWN = 10
FLUSH_TIMEOUT = 120.0


class Arrival(Enum):
    """When the events of a file count as having come to Kafka."""

    AS_THE_LINE_SAYS = "at the line's timestamp, now where it has none"
    NOW = "now"
    AS_IT_OCCURRED = "at the line's timestamp, when they occurred where it has none"


@guarded
def replay(
    file: Annotated[Path, typer.Argument(help="A replay file, gzipped or not.")],
    rate: Annotated[
        float | None, typer.Option(min=0.001, help="Records per second; as fast as possible if not given.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after this many lines.")] = None,
    raw: Annotated[
        bool,
        typer.Option("--raw", help="Also send lines that a worker would refuse, unchanged, with their timestamps."),
    ] = False,
    live: Annotated[
        bool, typer.Option("--live", help="Events come now, whatever timestamps lines have: all are answered.")
    ] = False,
    history: Annotated[
        bool,
        typer.Option("--history", help="Events came when they occurred: learn them, answer none that is old."),
    ] = False,
    namespace: Annotated[str | None, typer.Option(help="Namespace to use instead of HEADWATER_NAMESPACE.")] = None,
    from_namespace: FromNamespace = None,
) -> None:
    """Send the records of a replay file. Lines that a worker would refuse are reported and left out.

    Events are learned whatever their age and number. One whose line has an old timestamp is not answered.
    """
    if live and history:
        fail("--live and --history exclude each other.", 2)
    arrival = Arrival.NOW if live else Arrival.AS_IT_OCCURRED if history else Arrival.AS_THE_LINE_SAYS
    settings = load_settings(**({"namespace": namespace} if namespace is not None else {}))
    brokers = require_brokers(settings)
    from headwater.cli.lines import count_lines, judged_lines
    from streams.broker.producing import event_producer

    _require_topics(brokers, settings)
    total = count_lines(file)
    if limit is not None:
        total = limit if total is None else min(limit, total)
    sending = _Sending(event_producer(brokers), settings, arrival, raw)
    lines = islice(judged_lines(file, settings, from_namespace), limit)
    with progress("replay", total, "lines") as bar:
        for number, (line, record) in enumerate(_paced(lines, rate), 1):
            sending.take(line, record)
            if number % 100 == 0 or rate is not None:
                bar.update(number)
        sending.finish()
        bar.update(number)
    sending.report()
    if (sending.refused and not raw) or sending.foreign or sending.undelivered:
        raise typer.Exit(1)


def _require_topics(brokers: Brokers, settings: Settings) -> None:
    from streams.broker.admin import describe_topics
    from streams.errors import OperatorError
    from streams.topology import INPUTS

    inputs = list(INPUTS.values())
    missing = [s.name for s in describe_topics(brokers, settings) if s.topic in inputs and s.partitions is None]
    if missing:
        raise OperatorError(f"There is no topic {', '.join(missing)}: run `headwater topics create` first.")


def _paced(
    lines: Iterator[tuple[Line, Record | Rejection]], rate: float | None
) -> Iterator[tuple[Line, Record | Rejection]]:
    begun = time.monotonic()
    for number, line in enumerate(lines):
        if rate is not None and (ahead := begun + number / rate - time.monotonic()) > 0:
            time.sleep(ahead)
        yield line


@dataclass(slots=True)
class _Sending:
    """Sends lines and keeps count."""

    producer: Producer
    settings: Settings
    arrival: Arrival
    raw: bool
    sent: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    foreign: int = 0
    ignored: int = 0
    unsendable: int = 0
    unanswered: int = 0
    answered_late: int = 0
    undelivered: int = 0
    first_failure: str = ""

    def take(self, line: Line, record: Record | Rejection) -> None:
        """Send the line, or report why not."""
        from schemas.rejection import Rejection, RejectionCode

        if isinstance(record, Rejection):
            foreign = record.code is RejectionCode.OTHER_NAMESPACE
            if record.ignored:
                self.ignored += 1
            else:
                self._report(line, record, foreign)
            if self.raw and not foreign:
                self._send_raw(line)
            return
        if line.kind is None:
            raise AssertionError("an accepted line has a kind")
        key = getattr(record, line.kind.key_field).encode()
        if line.kind.is_event:
            self._send_event(line, record, key)  # type: ignore[arg-type]
        else:
            self._produce(line.kind.topic, line.value, key)

    def _report(self, line: Line, problem: Rejection, foreign: bool) -> None:
        self.foreign += foreign
        self.refused += not foreign
        if self.refused + self.foreign <= PROBLEMS_SHOWN:
            note(f"line {line.number}: {problem.code}: {problem}")

    def finish(self) -> None:
        left = self.producer.flush(FLUSH_TIMEOUT)
        if left:
            self.undelivered += left
            self.first_failure = self.first_failure or f"no answer from the broker for {FLUSH_TIMEOUT:.0f} s"

    def report(self) -> None:
        namespace, most = self.settings.namespace, self.settings.max_event_age
        by_topic = ", ".join(f"{count:,} to {namespace}.{suffix}" for suffix, count in sorted(self.sent.items()))
        typer.echo(f"Sent {self.sent.total():,} records{f': {by_topic}' if by_topic else ''}.")
        if self.ignored and not self.raw:
            note(f"{self.ignored:,} searches for nothing were left out: a worker ignores them.")
        if self.refused:
            done = "sent as they are" if self.raw else "left out"
            note(f"{self.refused:,} lines would be refused by a worker and were {done}.")
        if self.foreign:
            note(f"{self.foreign:,} lines belong to other namespaces than {namespace} and were left out.")
        if self.unanswered:
            note(
                f"{self.unanswered:,} events came more than {most:.0f} s ago (HEADWATER_MAX_EVENT_AGE): "
                "they are learned, but not answered. With --live they are answered, too."
            )
        if self.answered_late:
            note(
                f"{self.answered_late:,} events occurred more than {most:.0f} s ago and are answered all the same, as "
                "their lines have no timestamp. With --history they are learned without an answer."
            )
        if self.unsendable:
            note(f"{self.unsendable:,} of them are no records of a topic at all and could not be sent.")
        if self.undelivered:
            note(f"{self.undelivered:,} records were not delivered: {self.first_failure}.")

    def _send_event(self, line: Line, event: Event, key: bytes) -> None:
        """Send an event with the time at which it came first, and count what will not be answered."""
        from schemas.records import Impression
        from streams.stages.event_time import ARRIVED_HEADER, event_time

        if line.kind is None:
            raise AssertionError("an event has a kind")
        now = time.time_ns() // 1_000_000
        told = self._told(line, event, now)
        self._produce(line.kind.topic, line.value, key, headers=[(ARRIVED_HEADER, str(told).encode())])
        if isinstance(event, Impression):  # never answered
            return
        tolerance, most = self.settings.future_tolerance * 1000, self.settings.max_event_age * 1000
        times = event_time(now, event.occurred_at, now, int(tolerance), told)
        if now - times.arrived > most:
            self.unanswered += 1
        elif self.arrival is Arrival.AS_THE_LINE_SAYS and now - event.occurred_at > most:
            self.answered_late += 1

    def _told(self, line: Line, event: Event, now: int) -> int:
        if self.arrival is Arrival.NOW:
            return now
        if line.timestamp is not None:
            return max(0, line.timestamp)
        return event.occurred_at if self.arrival is Arrival.AS_IT_OCCURRED else now

    def _send_raw(self, line: Line) -> None:
        if line.kind is None:
            self.unsendable += 1
            return
        key = line.key if isinstance(line.key, bytes | None) else _guess_key(line)
        self._produce(line.kind.topic, line.value, key, timestamp=line.timestamp or 0)

    def _produce(
        self,
        suffix: str,
        value: bytes | None,
        key: bytes | None,
        *,
        timestamp: int = 0,
        headers: list[tuple[str, bytes]] | None = None,
    ) -> None:
        """``timestamp`` 0: now."""
        from confluent_kafka import KafkaException

        topic, more = f"{self.settings.namespace}.{suffix}", {"headers": headers, "on_delivery": self._delivered}
        while True:
            try:
                self.producer.produce(topic, value, key, timestamp=timestamp, **more)  # type: ignore[arg-type]
                break
            except BufferError:  # the queue is full: let it drain
                self.producer.poll(0.1)
            except KafkaException as error:  # too large for the client's own limit
                self._fail(error.args[0].str())
                return
        self.sent[suffix] += 1
        self.producer.poll(0)

    def _delivered(self, error: object, message: object) -> None:
        if error is not None:
            self._fail(str(error))

    def _fail(self, reason: str) -> None:
        self.undelivered += 1
        self.first_failure = self.first_failure or reason


def _guess_key(line: Line) -> bytes | None:
    """The key that the producer of a refused record would have given, None where it names none."""
    if line.kind is None:
        return None
    try:
        return str(json.loads(line.value or b"")[line.kind.key_field]).encode()
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
