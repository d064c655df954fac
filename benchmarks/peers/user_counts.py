"""The update of one user that all programs do, as plain Python: what a click is, what is kept, and the right result.

A click (JSON) counts its user's events and actions and is added to the user's last 50 items. States are durable: in
a table with a changelog topic, or in whatever the program has instead.
"""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from benchmarks.events import Input, Stream, past
from schemas.kinds import Kind

RECENT = 50


class Click(msgspec.Struct, gc=False):
    """A click as it travels."""

    event_id: str
    user_id: str
    occurred_at: str
    item_id: str
    action: str
    position: int
    session_id: str
    locale: str


class Counts(msgspec.Struct, array_like=True):
    """What is kept of a user; ``applied`` is the last offset in it, -1 for programs that keep none."""

    count: int = 0
    actions: dict[str, int] = {}
    recent: list[str] = []
    applied: int = -1


Users = dict[str, Counts]


def clicks(stream: Stream, count: int) -> Iterator[Input]:
    """The first ``count`` clicks of a stream, a few days old."""
    whole = stream.read(count * 2, past(time.time_ns() // 1_000_000))
    return itertools.islice((event for event in whole if event.kind is Kind.CLICK), count)


@functools.cache
def expected(stream: Stream, count: int) -> Users:
    """What every program must know after the first ``count`` clicks."""
    users: Users = {}
    decode = msgspec.json.Decoder(Click).decode
    for event in clicks(stream, count):
        click = decode(event.value)
        user = users.get(click.user_id)
        if user is None:
            user = users[click.user_id] = Counts()
        user.count += 1
        user.actions[click.action] = user.actions.get(click.action, 0) + 1
        user.recent.append(click.item_id)
        if len(user.recent) > RECENT:
            del user.recent[0]
    return users


def difference(found: Users, wanted: Users) -> str | None:
    """What is wrong with the states that a program ended with; None: nothing."""
    total, due = (sum(user.count for user in users.values()) for users in (found, wanted))
    if total != due:
        return f"it counted {total:,} of {due:,} events"
    for name, user in wanted.items():
        other = found.get(name)
        if other is None or (other.count, other.actions, other.recent) != (user.count, user.actions, user.recent):
            return f"its state of {name} is {other}, not {user}"
    return None


def read_changelog(brokers: str, topic: str, decode: Callable[[bytes], Any], key: Callable[[bytes], str]) -> Users:
    """The last state of each user in a changelog topic, as it is now."""
    settings: dict[str, str | int | bool] = {
        "bootstrap.servers": brokers, "group.id": "benchmark-reader", "enable.auto.commit": False,
        "enable.partition.eof": True, "auto.offset.reset": "earliest", "log_level": 0,
    }  # fmt: skip
    consumer = Consumer(settings)
    try:
        found = consumer.list_topics(topic, timeout=10.0).topics[topic].partitions
        consumer.assign([TopicPartition(topic, partition, 0) for partition in found])
        left, last = set(found), dict[bytes, bytes]()
        while left:
            for message in consumer.consume(10_000, timeout=0.2):
                if (error := message.error()) is not None:
                    if error.code() != KafkaError._PARTITION_EOF:
                        raise KafkaException(error)
                    left.discard(message.partition())
                elif (name := message.key()) is not None and (value := message.value()) is not None:
                    last[bytes(name)] = bytes(value)
    finally:
        consumer.close()
    return {key(name): decode(value) for name, value in last.items()}
