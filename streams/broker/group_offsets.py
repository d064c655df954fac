"""Reads and sets the committed offsets of a group from outside of it: for tools, never for the data path.

A consumer that does not join the group does both. librdkafka's admin client can read them, too, but it crashes with a
segmentation fault while the group's coordinator moves or does not exist yet (librdkafka#5040).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streams.broker.brokers import Brokers
from streams.errors import BrokerError

T = TypeVar("T")
TIMEOUT = 30.0
_NO_COORDINATOR = (
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
)


def committed(brokers: Brokers, group: str, topic: str, partitions: int) -> dict[int, int]:
    """Committed offset by partition; partitions without one are left out. Raises :class:`BrokerError`."""
    asked = [TopicPartition(topic, partition) for partition in range(partitions)]
    with _outsider(brokers, group) as consumer:
        answer = _insist(group, "read", lambda: consumer.committed(asked, timeout=TIMEOUT))
    return {tp.partition: tp.offset for tp in answer if tp.offset >= 0}


def commit(brokers: Brokers, group: str, topic: str, offsets: Mapping[int, int]) -> None:
    """Commit offsets for a group without members; raises :class:`BrokerError`, also while it has members."""
    wanted = [TopicPartition(topic, partition, offset) for partition, offset in offsets.items()]
    with _outsider(brokers, group) as consumer:
        _insist(group, "set", lambda: consumer.commit(offsets=wanted, asynchronous=False))


def _insist(group: str, what: str, call: Callable[[], T]) -> T:
    """Repeat ``call`` while the group's coordinator is loading or moving; the client itself does not."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            return call()
        except KafkaException as exc:
            if exc.args[0].code() not in _NO_COORDINATOR or time.monotonic() > deadline:
                raise BrokerError(f"the offsets of group {group} cannot be {what}: {exc.args[0].str()}") from exc
        time.sleep(0.1)


@contextmanager
def _outsider(brokers: Brokers, group: str) -> Iterator[Consumer]:
    consumer = Consumer(brokers.librdkafka() | {"group.id": group, "enable.auto.commit": False, "log_level": 0})
    try:
        yield consumer
    finally:
        consumer.close()
