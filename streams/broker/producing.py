"""How the tools of this project produce events; what the README tells everybody else to do."""

from __future__ import annotations

from confluent_kafka import Producer

from streams.topology import MAX_MESSAGE_BYTES


def event_producer(brokers: str) -> Producer:
    """A producer that places keys as the Java clients do, loses nothing and repeats nothing.

    A record that the broker does not take within two minutes is reported to its delivery callback.
    """
    return Producer(
        {
            "bootstrap.servers": brokers,
            "partitioner": "murmur2_random",
            "enable.idempotence": True,
            "linger.ms": 2,
            "compression.type": "lz4",
            "message.max.bytes": MAX_MESSAGE_BYTES,
            "delivery.timeout.ms": 120_000,
            "log_level": 0,
        }
    )
