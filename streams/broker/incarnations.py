"""Which incarnation of each topic the state belongs to.

A topic that is deleted and made again under its name is a new *incarnation* of it, and its offsets begin at 0 again.
States remember the offsets that were applied to them, so that nothing is learned twice; compared with the offsets of a
new incarnation they would silently skip its records. So states keep offsets together with an *epoch*, the number of
incarnations before. Kafka gives each incarnation an id, and the known ids are in the compacted topic ``topic-ids.v1``.
A worker that finds another id stops and names the command that accepts it (:mod:`streams.broker.acceptance`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
from confluent_kafka import KafkaError, KafkaException, Producer, TopicCollection
from confluent_kafka.admin import AdminClient

from streams.broker.admin import connect
from streams.broker.brokers import Brokers
from streams.broker.partition_counts import refuse_other_counts
from streams.broker.topic_reading import read_topic
from streams.errors import StreamError
from streams.settings import Settings
from streams.topology import ALL, TABLES, TOPIC_IDS

TIMEOUT = 30.0


class TopicReplacedError(StreamError):
    """A topic is not the incarnation that the state was made from."""


class TopicGoneError(StreamError):
    """A topic that the worker reads or writes no longer exists."""


class IdsLostError(StreamError):
    """There is state, but no record of the incarnations that it was made from."""


class Described(NamedTuple):
    """A topic as the broker has it now."""

    topic_id: str
    partitions: int


@dataclass(frozen=True, slots=True)
class Incarnation:
    """Current id of a topic, how many incarnations came before (``epoch``), and its number of partitions."""

    topic_id: str
    epoch: int
    partitions: int


def replaced(names: Sequence[str]) -> str:
    """The message for topics with a new id."""
    return (
        f"{', '.join(names)}: deleted and made again since this state was made from it: its offsets start anew. "
        "Nothing of the new one was learned. To go on with it, stop the workers and run: "
        f"{_accepts(names)}"
    )


def _accepts(names: Sequence[str]) -> str:
    return ", then: ".join(f"headwater topics accept {name}" for name in names)


def ids_lost(name: str) -> str:
    """The message for a topic of ids that is empty though there is state."""
    return (
        f"{name} is empty, though there is state: it was deleted and made again. Without it offsets would be compared "
        "with those of other incarnations of their topics. Nothing was learned. If the topics are still those that the "
        f"state was made from, stop the workers and run: headwater topics accept {name} (it reads from the state which "
        "incarnations they are)"
    )


def gone(names: Sequence[str]) -> str:
    """The message for topics that no longer exist."""
    return (
        f"{', '.join(names)}: gone, it was deleted. Nothing that it lacks is acknowledged any more. To go on without "
        f"what was in it, stop the workers and run: headwater topics create, then: {_accepts(names)}"
    )


def describe(admin: AdminClient, topics: Iterable[str], timeout: float = TIMEOUT) -> dict[str, Described]:
    """Those of ``topics`` that the broker has now; raises ``KafkaException``."""
    futures = admin.describe_topics(TopicCollection(list(topics)), request_timeout=timeout)
    found: dict[str, Described] = {}
    for name, future in futures.items():
        try:
            topic = future.result()
        except KafkaException as exc:
            if exc.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
        else:
            found[name] = Described(str(topic.topic_id), len(topic.partitions))
    return found


def known_ids(brokers: Brokers, namespace: str) -> dict[str, list[str]]:
    """Ids recorded so far, oldest first, by topic."""
    messages = read_topic(brokers, TOPIC_IDS.name(namespace))
    latest = {message.key() or b"": message.value() or b"[]" for message in messages}
    return {key.decode(): _ids(namespace, key, value) for key, value in latest.items()}


def _ids(namespace: str, key: bytes, value: bytes) -> list[str]:
    try:
        return msgspec.json.decode(value, type=list[str])
    except msgspec.DecodeError as exc:
        raise IdsLostError(
            f"{TOPIC_IDS.name(namespace)} has a record for {key.decode(errors='replace')} that cannot be read ({exc}): "
            "not written by Headwater. Nothing was learned. Write the right list of ids under that key, or delete the "
            f"topic and run: headwater topics create, then: headwater topics accept {TOPIC_IDS.name(namespace)}"
        ) from exc


def record_ids(brokers: Brokers, namespace: str, ids: Mapping[str, list[str]]) -> None:
    """Write the lists of ids; returns when the broker has them."""
    producer = Producer(brokers.librdkafka() | {"acks": "all"})
    for topic, known in ids.items():
        producer.produce(TOPIC_IDS.name(namespace), key=topic.encode(), value=json.dumps(known).encode(), partition=0)
    if producer.flush(TIMEOUT):
        raise StreamError(f"{TOPIC_IDS.name(namespace)} does not take records: is the broker up, its disk full?")


def incarnations(brokers: Brokers, settings: Settings, topics: Iterable[str]) -> dict[str, Incarnation]:
    """Check ``topics`` against the record, adding those seen for the first time.

    Raises :class:`TopicReplacedError` when one is not the topic that the state belongs to.
    """
    current = describe(connect(brokers), topics)
    known = known_ids(brokers, settings.namespace)
    if not known:
        refuse_state(brokers, settings)
    others = [name for name, topic in current.items() if name in known and known[name][-1] != topic.topic_id]
    if others:
        raise TopicReplacedError(replaced(others))
    fresh = {name: [topic.topic_id] for name, topic in current.items() if name not in known}
    if fresh:
        record_ids(brokers, settings.namespace, fresh)
    return {
        name: Incarnation(topic.topic_id, len(known.get(name, [topic.topic_id])) - 1, topic.partitions)
        for name, topic in current.items()
    }


def refuse_state(brokers: Brokers, settings: Settings) -> None:
    """Raises :class:`IdsLostError` if there is any state: without recorded ids there must be none."""
    for table in TABLES:
        if any(True for _ in read_topic(brokers, table.changelog.name(settings.namespace))):
            raise IdsLostError(ids_lost(TOPIC_IDS.name(settings.namespace)))


def refuse_gone(wanted: Iterable[str], current: Mapping[str, Described]) -> None:
    """Raises :class:`TopicGoneError` when a topic is missing."""
    missing = set(wanted) - current.keys()
    if missing:
        raise TopicGoneError(gone(sorted(missing)))


def refuse_changed(settings: Settings, ids: Mapping[str, Incarnation], current: Mapping[str, Described]) -> None:
    """Raises :class:`TopicReplacedError`, or :class:`TopicMismatchError` where a topic was given more partitions."""
    others = [name for name, topic in current.items() if topic.topic_id != ids[name].topic_id]
    if others:
        raise TopicReplacedError(replaced(others))
    topics = {topic.name(settings.namespace): topic for topic in ALL}
    counts = {topics[name]: described.partitions for name, described in current.items()}
    refuse_other_counts(settings, settings.namespace, counts)
