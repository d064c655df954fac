"""Keys go where the Java clients, aiokafka and librdkafka's murmur2 put them."""

from __future__ import annotations

import random

import pytest
from aiokafka.partitioner import murmur2 as aiokafka_murmur2
from confluent_kafka import murmur2 as librdkafka_murmur2

from streams.broker.partitioning import murmur2, partition_of


@pytest.mark.parametrize(("key", "partition"), [("user-1", 4), ("user-2", 0), ("user-3", 3), ("user-4", 7)])
def test_known_keys_go_to_known_partitions(key: str, partition: int) -> None:
    assert partition_of(key.encode(), 8) == partition


def test_hash_values_of_the_kafka_test_suite() -> None:
    """From UtilsTest.testMurmur2 of Apache Kafka, as unsigned numbers."""
    cases = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    assert {data: murmur2(data) for data in cases} == {d: v & 0xFFFFFFFF for d, v in cases.items()}


def test_agrees_with_both_clients_on_every_length() -> None:
    rng = random.Random(15)
    for length in range(300):
        key = rng.randbytes(length)
        assert murmur2(key) == aiokafka_murmur2(key) & 0xFFFFFFFF
        if key:
            assert partition_of(key, 7) == librdkafka_murmur2(key, 7)
