"""Creating topics on the real broker: complete, idempotent, never moving keys."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from headwater.local_kafka.broker import LocalKafka
from streams.broker.admin import create_topics, delete_namespace, describe_topics
from streams.broker.brokers import Brokers
from streams.errors import BrokerError, TopicMismatchError
from streams.settings import Settings
from streams.topology import ALL, CATALOG_ITEMS, CLICK, SEARCH
from tests.integration.waiting import wait_until
from tests.integration.worker import Worker

pytestmark = pytest.mark.integration


def make_by_hand(brokers: Brokers, settings: Settings, name: str, partitions: int) -> None:
    """A topic with the broker's defaults, returned from when clients can see it."""
    admin = AdminClient(brokers.librdkafka())
    admin.create_topics([NewTopic(name, partitions, 1)])[name].result(10)
    deadline = time.monotonic() + 10
    while all(state.partitions is None for state in describe_topics(brokers, settings)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_creates_every_topic_as_the_one_place_says(kafka: LocalKafka, namespace: str) -> None:
    settings = Settings(namespace=namespace, user_partitions=3, item_partitions=2)
    states = create_topics(kafka.brokers, settings)
    assert [state.topic for state in states] == list(ALL)
    assert all(state.created and state.matches for state in states)
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    found = admin.list_topics(timeout=10).topics
    assert {state.name: len(found[state.name].partitions) for state in states} == {
        topic.name(namespace): topic.partitions(settings) for topic in ALL
    }
    resource = ConfigResource(ResourceType.TOPIC, CATALOG_ITEMS.name(namespace))
    config = admin.describe_configs([resource])[resource].result(10)
    assert config["cleanup.policy"].value == "compact"


def test_again_changes_nothing(kafka: LocalKafka, namespace: str) -> None:
    settings = Settings(namespace=namespace)
    create_topics(kafka.brokers, settings)
    again = create_topics(kafka.brokers, settings)
    assert not any(state.created for state in again)
    assert all(state.matches for state in again)


def test_other_partition_count_is_refused_and_nothing_is_made(kafka: LocalKafka, namespace: str) -> None:
    settings, name = Settings(namespace=namespace), CLICK.name(namespace)
    make_by_hand(kafka.brokers, settings, name, 5)
    with pytest.raises(TopicMismatchError, match=r"HEADWATER_USER_PARTITIONS=8 partitions.*has 5") as caught:
        create_topics(kafka.brokers, settings)
    assert "Set HEADWATER_USER_PARTITIONS=5" in str(caught.value)
    existing = [s for s in describe_topics(kafka.brokers, settings) if s.partitions]
    assert [state.name for state in existing] == [name]


def test_describe_shows_a_topic_that_was_made_by_hand(kafka: LocalKafka, namespace: str) -> None:
    settings, name = Settings(namespace=namespace), CATALOG_ITEMS.name(namespace)
    make_by_hand(kafka.brokers, settings, name, settings.item_partitions)
    state = next(s for s in describe_topics(kafka.brokers, settings) if s.name == name)
    assert state.differences["cleanup.policy"] == ("delete", "compact")
    assert not state.matches


def test_too_many_replicas_names_the_setting(kafka: LocalKafka, namespace: str) -> None:
    with pytest.raises(BrokerError, match="HEADWATER_REPLICATION_FACTOR"):
        create_topics(kafka.brokers, Settings(namespace=namespace, replication_factor=3))


def test_delete_namespace_leaves_others_alone(kafka: LocalKafka, namespace: str) -> None:
    gone, kept = Settings(namespace=namespace), Settings(namespace=f"{namespace}x")
    create_topics(kafka.brokers, gone)
    create_topics(kafka.brokers, kept)
    delete_namespace(kafka.brokers, gone.namespace)
    assert not any(state.partitions for state in describe_topics(kafka.brokers, gone))
    assert all(state.matches for state in describe_topics(kafka.brokers, kept))


def test_a_worker_names_all_of_them_and_its_advice_works(kafka: LocalKafka, namespace: str, tmp_path: Path) -> None:
    """Clicks with 8 partitions, searches with 5, nothing else yet: made as the message says, the worker starts."""
    settings = Settings(namespace=namespace, brokers=kafka.bootstrap)
    make_by_hand(kafka.brokers, settings, CLICK.name(namespace), 8)
    make_by_hand(kafka.brokers, settings, SEARCH.name(namespace), 5)
    worker = Worker(kafka.bootstrap, namespace, tmp_path, "w0", None, {})
    assert worker.wait(60) == 2
    last = worker.log().rstrip().splitlines()[-1]
    assert f"{CLICK.name(namespace)} has 8" in last and f"{SEARCH.name(namespace)} has 5" in last
    assert f"delete {SEARCH.name(namespace)} (" in last

    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.delete_topics([SEARCH.name(namespace)], operation_timeout=30)[SEARCH.name(namespace)].result()
    wait_until(lambda: SEARCH.name(namespace) not in admin.list_topics(timeout=10).topics, 30)
    create_topics(kafka.brokers, settings)
    worker.start()
    worker.wait_ready()
    assert worker.stop() == 0
