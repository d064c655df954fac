"""Creates and describes the topics of a namespace, which :mod:`streams.topology` declares."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # public, but not listed for type checkers
    AdminClient,
    ClusterMetadata,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from streams.broker.brokers import Brokers
from streams.broker.partition_counts import refuse_other_counts
from streams.broker.refusals import refusal
from streams.errors import BrokerError
from streams.settings import Settings
from streams.topology import ALL, Topic

TIMEOUT = 15.0
FIRST_PATIENCE = 1.0
"""Seconds after which the reason for no answer is looked for; then twice as many, and so on."""
_KEPT = 16  # errors of connections
_COMPARED = ("cleanup.policy", "max.message.bytes", "delete.retention.ms")


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as it is, and as the settings want it; ``partitions`` is None when it does not exist."""

    topic: Topic
    name: str
    expected: int
    partitions: int | None
    replicas: int | None = None
    created: bool = False
    differences: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Important topic settings that differ: name -> (is, should be)."""

    @property
    def matches(self) -> bool:
        return self.partitions == self.expected and not self.differences


def create_topics(brokers: Brokers, settings: Settings) -> list[TopicState]:
    """Create the topics that are missing.

    Raises :class:`TopicMismatchError` before anything is created when an existing topic has another partition
    count, :class:`BrokerError` when the broker cannot be reached or refuses.
    """
    admin = connect(brokers)
    before = _describe(admin, brokers, settings)
    refuse_other_partitions(before, settings)
    missing = [state for state in before if state.partitions is None]
    if not missing:
        return before
    _create(admin, missing, settings)
    created = {state.name for state in missing}
    after = _await_topics(admin, brokers, settings, created)
    return [
        TopicState(s.topic, s.name, s.expected, s.partitions, s.replicas, s.name in created, s.differences)
        for s in after
    ]


def describe_topics(brokers: Brokers, settings: Settings) -> list[TopicState]:
    """State of every topic of the namespace; raises :class:`BrokerError`."""
    return _describe(connect(brokers), brokers, settings)


def delete_namespace(brokers: Brokers, namespace: str) -> None:
    """Delete the topics and consumer groups under ``namespace.``, wait until they are gone.

    Raises :class:`BrokerError`.
    """
    admin = connect(brokers)
    prefix = f"{namespace}."
    topics = [name for name in read_metadata(admin, brokers).topics if name.startswith(prefix)]
    if topics:
        _await_results(admin.delete_topics(topics, operation_timeout=TIMEOUT).items())
        _wait(lambda: not read_metadata(admin, brokers).topics.keys() & set(topics), "The topics are not gone")
    groups = [group.group_id for group in admin.list_consumer_groups().result(TIMEOUT).valid]
    owned = [group for group in groups if group.startswith(prefix)]
    if owned:
        _await_results(admin.delete_consumer_groups(owned).items())


class Admin(AdminClient):
    """An admin client that keeps what its connections died of. It writes nothing to the terminal."""

    def __init__(self, brokers: Brokers) -> None:
        self.brokers = brokers
        self._heard: deque[KafkaError] = deque(maxlen=_KEPT)
        own = {"log_level": 0, "socket.timeout.ms": 10_000, "error_cb": self._heard.append}
        super().__init__(brokers.librdkafka() | own)

    def heard(self) -> list[KafkaError]:
        """Errors of connections since the last call."""
        self.poll(0)  # calls the callback
        heard = list(self._heard)
        self._heard.clear()
        return heard


def connect(brokers: Brokers) -> Admin:
    """An admin client; whether the broker answers is seen when it is asked."""
    return Admin(brokers)


def read_metadata(admin: Admin, brokers: Brokers) -> ClusterMetadata:
    """Topics and brokers, the first thing that every tool asks.

    Raises :class:`ConfigurationError` where the broker speaks otherwise or does not let this client in, which is seen
    within seconds, and :class:`BrokerError` where none answers.
    """
    until, patience = time.monotonic() + TIMEOUT, FIRST_PATIENCE
    while True:
        left = until - time.monotonic()
        try:
            return admin.list_topics(timeout=min(patience, max(left, 0.1)))
        except KafkaException as error:
            if (refused := refusal(brokers, admin.heard())) is not None:
                raise refused from error
            if time.monotonic() > until:
                raise BrokerError(
                    f"No Kafka answers at {brokers} ({_text(error)}): is it running, and is HEADWATER_BROKERS right?"
                ) from error
        patience *= 2
        time.sleep(0.05)


def _describe(admin: Admin, brokers: Brokers, settings: Settings) -> list[TopicState]:
    found = read_metadata(admin, brokers).topics
    states = []
    for topic in ALL:
        name = topic.name(settings.namespace)
        expected = topic.partitions(settings)
        if name in found and found[name].partitions:
            partitions = found[name].partitions
            replicas = min(len(partition.replicas) for partition in partitions.values())
            states.append(TopicState(topic, name, expected, len(partitions), replicas))
        else:
            states.append(TopicState(topic, name, expected, None))
    return _with_differences(admin, states)


def _with_differences(admin: Admin, states: list[TopicState]) -> list[TopicState]:
    existing = [state.name for state in states if state.partitions is not None]
    if not existing:
        return states
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in existing]
    answers = admin.describe_configs(resources, request_timeout=TIMEOUT)
    actual: dict[str, dict[str, str]] = {}
    try:
        for resource, future in answers.items():
            actual[resource.name] = {name: str(entry.value) for name, entry in future.result(TIMEOUT).items()}
    except KafkaException as error:
        raise BrokerError(f"The broker does not tell topic settings: {_text(error)}") from error
    return [
        TopicState(s.topic, s.name, s.expected, s.partitions, s.replicas, s.created, _compare(s, actual[s.name]))
        if s.name in actual
        else s
        for s in states
    ]


def _compare(state: TopicState, actual: dict[str, str]) -> dict[str, tuple[str, str]]:
    wanted = state.topic.topic_config()
    return {
        name: (actual.get(name, ""), wanted[name])
        for name in _COMPARED
        if name in wanted and actual.get(name) != wanted[name]
    }


def refuse_other_partitions(states: Iterable[TopicState], settings: Settings) -> None:
    """Raises :class:`TopicMismatchError` where topics that exist have other numbers of partitions than is set."""
    refuse_other_counts(settings, settings.namespace, partition_counts(states))


def partition_counts(states: Iterable[TopicState]) -> dict[Topic, int]:
    """Numbers of partitions of the topics that exist."""
    return {state.topic: state.partitions for state in states if state.partitions is not None}


def _create(admin: Admin, missing: list[TopicState], settings: Settings) -> None:
    new = [
        NewTopic(state.name, state.expected, settings.replication_factor, config=state.topic.topic_config())
        for state in missing
    ]
    _await_results(admin.create_topics(new, operation_timeout=TIMEOUT).items())


def _await_results(futures: Iterable[tuple[str, object]]) -> None:
    """Wait for every answer; what exists already, or is gone already, counts as done."""
    harmless = (KafkaError.TOPIC_ALREADY_EXISTS, KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.GROUP_ID_NOT_FOUND)
    for name, future in futures:
        try:
            future.result(TIMEOUT + 5)  # type: ignore[attr-defined]
        except KafkaException as error:
            if error.args[0].code() not in harmless:
                hint = ""
                if error.args[0].code() == KafkaError.INVALID_REPLICATION_FACTOR:
                    hint = "; set HEADWATER_REPLICATION_FACTOR to at most the number of brokers"
                raise BrokerError(f"The broker refused {name}: {_text(error)}{hint}") from error


def _await_topics(admin: Admin, brokers: Brokers, settings: Settings, names: set[str]) -> list[TopicState]:
    """Wait until the broker knows the new topics and their leaders, which takes a moment."""

    def ready() -> bool:
        found = read_metadata(admin, brokers).topics
        return all(
            name in found and found[name].partitions and all(p.leader >= 0 for p in found[name].partitions.values())
            for name in names
        )

    _wait(ready, "The new topics have no leaders")
    return _describe(admin, brokers, settings)


def _wait(condition: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        if time.monotonic() > deadline:
            raise BrokerError(f"{otherwise} after {TIMEOUT:.0f} s: look at the broker's log.")
        time.sleep(0.05)


def _text(error: KafkaException) -> str:
    return str(error.args[0].str())
