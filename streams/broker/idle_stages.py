"""Stages that run in no worker, and what waits for them: asked of the broker, for health and tools.

A worker knows its own partitions only; that nobody reads a topic shows in no worker.
"""

from __future__ import annotations

from confluent_kafka import ConsumerGroupState, IsolationLevel, KafkaException
from confluent_kafka.admin import AdminClient

from streams.broker.brokers import Brokers
from streams.broker.group_offsets import committed
from streams.broker.partition_ends import partition_begins, partition_ends
from streams.errors import BrokerError
from streams.settings import Settings
from streams.topology import STAGES, Stage, Topic

TIMEOUT = 10.0
_NOBODY = (ConsumerGroupState.EMPTY, ConsumerGroupState.DEAD)


def idle_stages(admin: AdminClient, namespace: str) -> list[Stage]:
    """Stages whose group has no member; blocks. Raises :class:`BrokerError`."""
    try:
        found = admin.list_consumer_groups(request_timeout=TIMEOUT).result(2 * TIMEOUT)
    except KafkaException as exc:
        raise BrokerError(f"the consumer groups cannot be listed: {exc.args[0].str()}") from exc
    if found.errors:
        raise BrokerError(f"the consumer groups cannot be listed: {found.errors[0]}")
    working = {group.group_id for group in found.valid if group.state not in _NOBODY}
    return [stage for stage in STAGES if stage.group(namespace) not in working]


def unread(admin: AdminClient, brokers: Brokers, settings: Settings, stage: Stage) -> dict[Topic, int]:
    """Records behind the committed offsets of the stage's group, by topic; blocks. Raises :class:`BrokerError`.

    Records that retention has removed do not count.
    """
    return {topic: _unread(admin, brokers, settings, stage, topic) for topic in stage.reads}


def _unread(admin: AdminClient, brokers: Brokers, settings: Settings, stage: Stage, topic: Topic) -> int:
    name, count = topic.name(settings.namespace), topic.partitions(settings)
    done = committed(brokers, stage.group(settings.namespace), name, count)
    places = [(name, partition) for partition in range(count)]
    try:
        begins = partition_begins(admin, places, TIMEOUT)
        ends = partition_ends(admin, places, TIMEOUT, IsolationLevel.READ_COMMITTED)
    except KafkaException as exc:
        raise BrokerError(f"the ends of {name} cannot be read: {exc.args[0].str()}") from exc
    return sum(max(0, end - max(done.get(tp.partition, 0), begins[tp])) for tp, end in ends.items())
