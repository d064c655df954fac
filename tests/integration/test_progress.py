"""The broker is asked where a partition ends: a partition that is not fetched would never show its lag."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from faust.types import TP

from headwater.local_kafka.broker import LocalKafka
from streams.broker.admin import create_topics
from streams.broker.partition_ends import partition_ends
from streams.metrics import Metrics
from streams.settings import Settings
from streams.topology import CLICK
from streams.worker.progress import Progress
from tests.clocks import TurnedClock

pytestmark = pytest.mark.integration


def test_a_paused_partition_with_traffic_is_named(kafka: LocalKafka, namespace: str) -> None:
    settings = Settings(namespace=namespace, user_partitions=2, item_partitions=1, partition_stall_timeout=30)
    create_topics(kafka.brokers, settings)
    partitions = [TP(CLICK.name(namespace), n) for n in range(2)]
    paused: Any = SimpleNamespace(done=lambda tp: 0, highwater=lambda tp: 0, uncommitted_since=lambda tp: None)
    consumer: Any = SimpleNamespace(assignment=lambda: set(partitions), positions=paused)
    stage: Any = SimpleNamespace(app=SimpleNamespace(consumer=consumer), table=None)
    metrics, clock = Metrics(namespace), TurnedClock()
    progress = Progress(settings, metrics, [stage], clock)
    progress.look()
    progress.ask(AdminClient({"bootstrap.servers": kafka.bootstrap}))
    progress.look()
    assert progress.partitions().ok

    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for _ in range(5):
        producer.produce(partitions[1].topic, b"{}", partition=1)
    assert producer.flush(30) == 0
    progress.ask(AdminClient({"bootstrap.servers": kafka.bootstrap}))
    progress.look()
    assert metrics.consumer_lag.of(CLICK, 1).value == 5
    clock.turn(31)
    progress.look()
    stalled = progress.partitions()
    assert not stalled.ok and f"{partitions[1].topic}-1" in stalled.message
    assert metrics.consumer_lag.of(CLICK, 0).value == 0


@pytest.mark.faults
def test_ends_are_told_again_after_the_broker_hung(fragile_kafka: LocalKafka, namespace: str) -> None:
    """The broker is a new leader of its partitions: librdkafka's admin client keeps answering "fenced leader epoch"."""
    admin = AdminClient({"bootstrap.servers": fragile_kafka.bootstrap, "log_level": 0})
    create_topics(fragile_kafka.brokers, Settings(namespace=namespace))
    places = [TP(CLICK.name(namespace), n) for n in range(4)]
    assert partition_ends(admin, places, 30) == dict.fromkeys(places, 0)
    for _ in range(2):  # sometimes the client is told in time
        fragile_kafka.pause()
        time.sleep(10.0)  # the broker's own session is over then
        fragile_kafka.resume()
        for _ in range(10):
            assert partition_ends(admin, places, 30) == dict.fromkeys(places, 0)
            time.sleep(0.1)
