"""``headwater tail``: recommendations as they come."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from headwater.cli.terminal import guarded, load_settings, make_console, note, require_brokers

if TYPE_CHECKING:
    from confluent_kafka import TopicPartition

    from streams.broker.brokers import Brokers


@guarded
def tail(
    user: Annotated[str | None, typer.Option(help="Show only this user's recommendations.")] = None,
    from_beginning: Annotated[bool, typer.Option("--from-beginning", help="Start with the oldest record.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the records as JSON, one per line.")] = False,
    count: Annotated[int | None, typer.Option(min=1, help="Stop after this many records.")] = None,
) -> None:
    """Show recommendations as they come; Ctrl-C ends it."""
    settings = load_settings()
    brokers = require_brokers(settings)
    from streams.topology import RECOMMENDATIONS

    topic = RECOMMENDATIONS.name(settings.namespace)
    values = records(brokers, topic, user, from_beginning)
    if not as_json and count is None:
        note(f"Reading {topic} from {brokers}. Ctrl-C ends it.")
    try:
        for number, value in enumerate(values, 1):
            _show(value, as_json)
            if number == count:
                break
    except KeyboardInterrupt:
        note("Stopped.")


def records(brokers: Brokers, topic: str, user: str | None, from_beginning: bool) -> Iterator[bytes]:
    """Values of the topic, without end; nothing is committed. Raises ``BrokerError``, ``OperatorError``."""
    from confluent_kafka import Consumer

    from streams.broker.partitioning import partition_of
    from streams.errors import BrokerError

    assignment = _partitions(brokers, topic, from_beginning)
    consumer = Consumer(
        brokers.librdkafka() | {"group.id": f"{topic}.tail", "enable.auto.commit": False, "log_level": 0}
    )
    try:
        key = user.encode() if user is not None else None
        if key is not None:
            own = partition_of(key, len(assignment))
            assignment = [p for p in assignment if p.partition == own]
        consumer.assign(assignment)
        while True:
            message = consumer.poll(0.5)
            if message is None:
                continue
            if (error := message.error()) is not None:
                raise BrokerError(f"{topic} cannot be read: {error.str()}")
            if key is None or message.key() == key:
                yield message.value() or b"null"
    finally:
        consumer.close()


def _partitions(brokers: Brokers, topic: str, from_beginning: bool) -> list[TopicPartition]:
    from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, TopicPartition

    from streams.broker.admin import connect, read_metadata
    from streams.errors import OperatorError

    metadata = read_metadata(connect(brokers), brokers).topics.get(topic)
    if metadata is None or not metadata.partitions:
        raise OperatorError(f"There is no topic {topic}: run `headwater topics create`, or set HEADWATER_NAMESPACE.")
    start = OFFSET_BEGINNING if from_beginning else OFFSET_END
    return [TopicPartition(topic, partition, start) for partition in metadata.partitions]


def _show(value: bytes, as_json: bool) -> None:
    if as_json:
        typer.echo(value.decode(errors="replace"))
        return
    from headwater.cli.rendering import line, panel, titles_of

    try:
        record = json.loads(value)
        titles = titles_of(record)
        if sys.stdout.isatty():
            make_console().print(panel(record, titles))
        else:
            typer.echo(line(record, titles))
    except (ValueError, KeyError, TypeError) as error:
        note(f"A record that is none of ours was passed over ({type(error).__name__}: {error}).")
