"""Which incarnation of each topic the state belongs to (cases c05, c06).

A deleted and recreated topic is another log whose offsets begin at 0: applied offsets of the old one would silently skip
the new one. Kafka gives every topic an id; the ids that the state knows are kept in the compacted ``topic-ids.v1``. A
worker that finds another id stops and names the command that accepts the new log (``headwater topics accept NAME``),
which starts a new epoch for it and rewinds the groups' committed offsets.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from confluent_kafka import Producer, TopicCollection
from confluent_kafka.admin import AdminClient

from streams import group_offsets
from streams.batching.errors import StreamError
from streams.errors import BrokerError
from streams.settings import STAGES, Settings
from streams.topic_reading import read_topic
from streams.topics import TOPIC_IDS

TIMEOUT = 30.0


class TopicReplacedError(StreamError):
    """A topic is not the one that the state was made from."""


@dataclass(frozen=True, slots=True)
class Incarnation:
    """Current id of a topic and how many came before it."""

    topic_id: str
    epoch: int


def replaced(name: str) -> str:
    """What to say of a topic that is another one now."""
    return (
        f"{name} is not the topic that this state was made from: it was deleted and made again, and its offsets start "
        f"anew. Nothing of the new one was learned. To go on with it, stop the workers and run: headwater topics accept {name}"
    )


def current_ids(admin: AdminClient, topics: Iterable[str], timeout: float = TIMEOUT) -> dict[str, str]:
    """Topic ids as the broker has them now; raises ``KafkaException`` for one that is missing."""
    futures = admin.describe_topics(TopicCollection(list(topics)), request_timeout=timeout)
    return {name: str(future.result().topic_id) for name, future in futures.items()}


def known_ids(brokers: str, namespace: str) -> dict[str, list[str]]:
    """Ids recorded so far, oldest first, by topic."""
    messages = read_topic(brokers, TOPIC_IDS.name(namespace))
    return {(message.key() or b"").decode(): json.loads(message.value() or b"[]") for message in messages}


def record_ids(brokers: str, namespace: str, ids: Mapping[str, list[str]]) -> None:
    """Write the lists of ids; returns when the broker has them."""
    producer = Producer({"bootstrap.servers": brokers, "acks": "all"})
    for topic, known in ids.items():
        producer.produce(TOPIC_IDS.name(namespace), key=topic.encode(), value=json.dumps(known).encode(), partition=0)
    if producer.flush(TIMEOUT):
        raise StreamError(f"{TOPIC_IDS.name(namespace)} does not take records: is the broker up, its disk full?")


def incarnations(brokers: str, settings: Settings, topics: Iterable[str]) -> dict[str, Incarnation]:
    """Check ``topics`` against the record, adding those seen for the first time.

    Raises :class:`TopicReplacedError` when one is not the topic that the state belongs to.
    """
    current = current_ids(AdminClient({"bootstrap.servers": brokers}), topics)
    known = known_ids(brokers, settings.namespace)
    for name, topic_id in current.items():
        if name in known and known[name][-1] != topic_id:
            raise TopicReplacedError(replaced(name))
    fresh = {name: [topic_id] for name, topic_id in current.items() if name not in known}
    if fresh:
        record_ids(brokers, settings.namespace, fresh)
    return {name: Incarnation(topic_id, len(known.get(name, [topic_id])) - 1) for name, topic_id in current.items()}


def accept(brokers: str, settings: Settings, topic: str) -> int:
    """Accept the topic's current incarnation and rewind the stages' groups to its beginning; returns its epoch.

    Raises :class:`StreamError` while a worker of the group is running.
    """
    admin = AdminClient({"bootstrap.servers": brokers})
    topic_id = current_ids(admin, [topic])[topic]
    known = known_ids(brokers, settings.namespace).get(topic, [])
    if not known or known[-1] != topic_id:
        known = [*known, topic_id]
    for stage in STAGES:
        _rewind(brokers, f"{settings.namespace}.{stage}", topic)
    record_ids(brokers, settings.namespace, {topic: known})
    return len(known) - 1


def _rewind(brokers: str, group: str, topic: str) -> None:
    """Only partitions that the group has an offset of: where it has none it begins at the beginning in any case."""
    partitions = len(AdminClient({"bootstrap.servers": brokers}).list_topics(topic, TIMEOUT).topics[topic].partitions)
    old = group_offsets.committed(brokers, group, topic, partitions)
    try:
        if old:
            group_offsets.commit(brokers, group, topic, dict.fromkeys(old, 0))
    except BrokerError as exc:
        raise StreamError(f"{exc}. Stop the workers of the namespace first, then accept again.") from exc
