"""Reads a topic from its beginning to its present end, without a group: for tools, never for the data path."""

from __future__ import annotations

from collections.abc import Iterator

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams.broker.brokers import Brokers
from streams.errors import BrokerError

TIMEOUT = 30.0


def read_topic(brokers: Brokers, topic: str) -> Iterator[Message]:
    """Committed messages of all partitions, one partition after the other.

    Raises :class:`BrokerError` when the topic is missing or the broker does not answer.
    """
    consumer = Consumer(
        brokers.librdkafka()
        | {
            "group.id": f"{topic}.tools",  # the client wants one that it may use, and does not use it
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",  # also where the log is cut meanwhile
            "enable.partition.eof": True,  # offsets do not tell the end: markers and compaction leave gaps
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 10,  # an empty fetch shows the end; by default the broker holds it for half a second
        }
    )
    try:
        found = consumer.list_topics(topic, TIMEOUT).topics[topic]
        if found.error is not None:
            raise BrokerError(f"{topic}: {found.error.str()}")
        for partition in sorted(found.partitions):
            consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)])
            yield from _to_end(consumer, topic, partition)
    except KafkaException as exc:
        raise BrokerError(f"{topic} cannot be read: {exc.args[0].str()}") from exc
    finally:
        consumer.close()


def _to_end(consumer: Consumer, topic: str, partition: int) -> Iterator[Message]:
    while True:
        message = consumer.poll(TIMEOUT)
        if message is None:
            raise BrokerError(f"{topic}-{partition} does not answer within {TIMEOUT:.0f} s: is the broker up?")
        error = message.error()
        if error is None:
            yield message
        elif error.code() == KafkaError._PARTITION_EOF:
            return
        else:
            raise KafkaException(error)
