"""Producing into the topics of a namespace, and seeing how far its consumer groups are."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from benchmarks.errors import BenchmarkError
from benchmarks.events import Input
from schemas.kinds import Kind
from streams.broker.partition_ends import partition_ends
from streams.topology import INPUTS

Offsets = dict[tuple[str, int], int]
"""(topic, partition) -> next offset."""
# Answers of a young broker about a group that has not committed anything
_NOT_YET = (KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.COORDINATOR_LOAD_IN_PROGRESS)


class Feed:
    """Producing into a namespace, and seeing how far its consumer groups are."""

    def __init__(self, brokers: str, namespace: str) -> None:
        self._brokers, self._namespace = brokers, namespace
        self._admin = AdminClient({"bootstrap.servers": brokers, "log_level": 0})
        self._members: dict[str, Consumer] = {}
        self._counts: dict[str, list[int]] = {}
        self.produced: Offsets = {}

    def name(self, kind: Kind) -> str:
        return INPUTS[kind].name(self._namespace)

    def produce(
        self, inputs: Iterable[Input], *, at_once: bool = False, before_commit: Callable[[], None] = lambda: None
    ) -> int:
        """Produce and wait for delivery; returns the count. ``at_once``: in one transaction, so that readers of
        committed records see nothing before all is there; ``before_commit`` is called when it is.
        """
        settings: dict[str, str | int] = {
            "bootstrap.servers": self._brokers, "partitioner": "murmur2_random", "linger.ms": 20,
            "queue.buffering.max.messages": 500_000, "log_level": 0, "enable.idempotence": True,
        }  # fmt: skip
        if at_once:
            settings |= {"transactional.id": f"{self._namespace}.benchmark", "transaction.timeout.ms": 300_000}
        producer = Producer(settings)
        if at_once:
            producer.init_transactions(30.0)
            producer.begin_transaction()
        count = self._send(producer, inputs)
        before_commit()
        if at_once:
            producer.commit_transaction(30.0)
        return count

    def _send(self, producer: Producer, inputs: Iterable[Input]) -> int:
        names = {kind: self.name(kind) for kind in INPUTS}
        count = 0
        for kind, key, value, time_ms in inputs:
            while True:
                try:
                    producer.produce(names[kind], value, key, timestamp=time_ms, on_delivery=self._delivered)
                    break
                except BufferError:
                    producer.poll(0.5)
            count += 1
            if not count & 1023:
                producer.poll(0)
        if producer.flush(60.0):
            raise BenchmarkError("the broker did not take all events within a minute")
        return count

    def _delivered(self, error: object, message: Message) -> None:
        if error is not None:
            raise BenchmarkError(f"the broker refused an event: {error}")
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        if topic is None or partition is None or offset is None:
            raise BenchmarkError("a delivery report says nothing of where the event went")
        key = topic, partition
        self.produced[key] = max(self.produced.get(key, 0), offset + 1)

    def ends(self, topic: str) -> Offsets:
        """Ends of the partitions of ``topic``."""
        return dict(
            partition_ends(self._admin, ((topic, partition) for partition in self._partitions(topic)), timeout=30)
        )

    def committed(self, group: str, topics: Iterable[str]) -> Offsets:
        """What ``group`` has committed of ``topics``.

        Asked as a member that never joins: librdkafka's admin request ends the process for a group that does not exist
        yet (confluent-kafka-python issue 1982).
        """
        if group not in self._members:
            self._members[group] = Consumer({"bootstrap.servers": self._brokers, "group.id": group, "log_level": 0})
        wanted = [TopicPartition(topic, partition) for topic in topics for partition in self._partitions(topic)]
        try:
            found = self._members[group].committed(wanted, timeout=10.0)
        except KafkaException as error:
            if error.args[0].code() in _NOT_YET:
                return {}
            raise
        return {(tp.topic, tp.partition): tp.offset for tp in found if tp.offset >= 0}

    def close(self) -> None:
        """Let go of the connections."""
        for member in self._members.values():
            member.close()

    def _partitions(self, topic: str) -> list[int]:
        if topic not in self._counts:
            self._counts[topic] = list(self._admin.list_topics(topic, timeout=10.0).topics[topic].partitions)
        return self._counts[topic]
