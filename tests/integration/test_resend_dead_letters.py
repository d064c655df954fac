"""The example of docs/operations.md does what the page says, on the letters that the program writes."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from confluent_kafka import Producer

from headwater.local_kafka.broker import LocalKafka
from schemas.kinds import Kind
from schemas.parse import Limits, parse
from schemas.rejection import Rejection, RejectionCode
from streams.broker.admin import create_topics
from streams.broker.brokers import Brokers
from streams.broker.partitioning import partition_of
from streams.broker.topic_reading import read_topic
from streams.engine import Outbox
from streams.settings import Settings
from streams.stages.dead_letters import DeadLetters
from streams.topology import CLICK
from tests.integration.examples import load_example

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]
NOW = 1_772_359_200_000


@pytest.fixture(scope="module")
def example() -> ModuleType:
    return load_example("resend_dead_letters")


class Refused:
    """A record as a stage sees it."""

    headers = (("trace", b"\xff\x00"), ("source-topic", b"theirs"), ("dup", b"1"), ("dup", None))

    def __init__(self, offset: int, key: bytes, value: bytes) -> None:
        self.offset, self.key, self.value = offset, key, value


def write_letters(brokers: str, namespace: str, values: list[bytes]) -> list[RejectionCode]:
    dead = DeadLetters("profiles", namespace, 2, rate=1.0)
    outbox, reasons = Outbox(), []
    for offset, value in enumerate(values):
        rejection = parse(Kind.CLICK, value, key=b"u1", now_ms=NOW, limits=Limits())
        assert isinstance(rejection, Rejection)
        reasons.append(rejection.code)
        dead.refuse(outbox, CLICK.name(namespace), 0, Refused(offset, b"u1", value), rejection)
    producer = Producer({"bootstrap.servers": brokers})
    for (topic, partition), records in outbox.records.items():
        for record in records:
            key, value, headers = record
            producer.produce(topic, key=key, value=value, partition=partition, headers=list(headers))
    assert producer.flush(30) == 0
    return reasons


def read(brokers: str, topic: str, partition: int) -> list[Any]:
    return [message for message in read_topic(Brokers(brokers), topic) if message.partition() == partition]


def test_repaired_letters_go_back_to_their_topic(kafka: LocalKafka, namespace: str, example: ModuleType) -> None:
    settings = Settings(namespace=namespace, user_partitions=2, item_partitions=1)
    create_topics(kafka.brokers, settings)
    lost = {"user_id": "u1", "item_id": "i1", "occurred_at": NOW}
    reasons = write_letters(kafka.bootstrap, namespace, [json.dumps(lost).encode(), b"{broken"])
    assert reasons == [RejectionCode.MISSING_FIELD, RejectionCode.BROKEN_JSON]

    assert example.resend(kafka.bootstrap, namespace, "missing_field") == 1
    assert example.resend(kafka.bootstrap, namespace, "missing_field") == 0, "a second run sends nothing twice"

    right = partition_of(b"u1", 2)
    assert read(kafka.bootstrap, CLICK.name(namespace), 1 - right) == []
    (again,) = read(kafka.bootstrap, CLICK.name(namespace), right)
    assert again.key() == b"u1" and tuple(again.headers()) == Refused.headers
    event = parse(Kind.CLICK, again.value(), key=again.key(), now_ms=NOW, limits=Limits())
    assert not isinstance(event, Rejection)
