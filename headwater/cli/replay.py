"""``headwater replay``: a replay file into the topics, with Kafka timestamps of now."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater.cli.terminal import guarded, load_settings, note, progress, require_brokers

if TYPE_CHECKING:
    from confluent_kafka import Producer

    from schemas.records import Record
    from schemas.rejection import Rejection
    from schemas.replay_file import Line
    from streams.settings import Settings

PROBLEMS_SHOWN = 10
FLUSH_TIMEOUT = 120.0


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
    namespace: Annotated[str | None, typer.Option(help="Namespace to use instead of HEADWATER_NAMESPACE.")] = None,
) -> None:
    """Send the records of a replay file. Lines that a worker would refuse are reported and left out."""
    settings = load_settings(**({"namespace": namespace} if namespace is not None else {}))
    brokers = require_brokers(settings)
    from headwater.cli.lines import count_lines, judged_lines
    from streams.broker.producing import event_producer

    _require_topics(brokers, settings)
    total = count_lines(file)
    if limit is not None:
        total = limit if total is None else min(limit, total)
    sending = _Sending(event_producer(brokers), settings.namespace, raw)
    lines = islice(judged_lines(file, settings), limit)
    with progress("replay", total, "lines") as bar:
        for number, (line, record) in enumerate(_paced(lines, rate), 1):
            sending.take(line, record)
            if number % 100 == 0 or rate is not None:
                bar.update(number)
        sending.finish()
        bar.update(number)
    sending.report()
    if (sending.refused and not raw) or sending.undelivered:
        raise typer.Exit(1)


def _require_topics(brokers: str, settings: Settings) -> None:
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
    namespace: str
    raw: bool
    sent: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    unsendable: int = 0
    undelivered: int = 0
    first_failure: str = ""

    def take(self, line: Line, record: Record | Rejection) -> None:
        """Send the line, or report why not."""
        from schemas.rejection import Rejection

        if isinstance(record, Rejection):
            self.refused += 1
            if self.refused <= PROBLEMS_SHOWN:
                note(f"line {line.number}: {record.code}: {record}")
            if self.raw:
                self._send_raw(line)
            return
        if line.kind is None:
            raise AssertionError("an accepted line has a kind")
        key = getattr(record, line.kind.key_field).encode()
        self._produce(line.kind.topic, line.value, key, 0)

    def finish(self) -> None:
        left = self.producer.flush(FLUSH_TIMEOUT)
        if left:
            self.undelivered += left
            self.first_failure = self.first_failure or f"no answer from the broker for {FLUSH_TIMEOUT:.0f} s"

    def report(self) -> None:
        by_topic = ", ".join(f"{count:,} to {self.namespace}.{suffix}" for suffix, count in sorted(self.sent.items()))
        typer.echo(f"Sent {self.sent.total():,} records{f': {by_topic}' if by_topic else ''}.")
        if self.refused:
            done = "sent as they are" if self.raw else "left out"
            note(f"{self.refused:,} lines would be refused by a worker and were {done}.")
        if self.unsendable:
            note(f"{self.unsendable:,} of them are no records of a topic at all and could not be sent.")
        if self.undelivered:
            note(f"{self.undelivered:,} records were not delivered: {self.first_failure}.")

    def _send_raw(self, line: Line) -> None:
        if line.kind is None:
            self.unsendable += 1
            return
        key = line.key if isinstance(line.key, bytes | None) else _guess_key(line)
        self._produce(line.kind.topic, line.value, key, line.timestamp or 0)

    def _produce(self, suffix: str, value: bytes | None, key: bytes | None, timestamp: int) -> None:
        from confluent_kafka import KafkaException

        topic = f"{self.namespace}.{suffix}"
        while True:
            try:
                self.producer.produce(topic, value, key, timestamp=timestamp, on_delivery=self._delivered)
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
