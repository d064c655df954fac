"""The producer of events for the tools of this project, with the settings that the README asks of all producers."""

from __future__ import annotations

from confluent_kafka import Producer

from streams.broker.brokers import Brokers
from streams.topology import MAX_MESSAGE_BYTES


def event_producer(brokers: Brokers) -> Producer:
    """An idempotent producer that chooses partitions as the Java clients do.

    A record that the broker does not take within two minutes is reported to its delivery callback.
    """
    return Producer(
        brokers.librdkafka()
        | {
            "partitioner": "murmur2_random",
            "enable.idempotence": True,
            "linger.ms": 2,
            "compression.type": "lz4",
            "message.max.bytes": MAX_MESSAGE_BYTES,
            "delivery.timeout.ms": 120_000,
            "log_level": 0,
        }
    )
