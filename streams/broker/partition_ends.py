"""Where partitions begin and end, asked of the broker: for health and tools, never for the data path."""

from __future__ import annotations

import time
from collections.abc import Iterable

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # public, but not listed
from faust.types import TP

_PASSES = {
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError._NOENT,  # "no leaders found"
    KafkaError._TRANSPORT,
}
_LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]
_EARLIEST = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
_PAUSE = 0.2
_LEAST = 0.5  # seconds that even the last request gets


def partition_ends(
    admin: AdminClient,
    partitions: Iterable[tuple[str, int]],
    timeout: float,
    isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
) -> dict[TP, int]:
    """Next offset by partition; blocks. Raises ``KafkaException``."""
    return _ask(admin, dict.fromkeys((TopicPartition(*place) for place in partitions), _LATEST), timeout, isolation)


def partition_begins(admin: AdminClient, partitions: Iterable[tuple[str, int]], timeout: float) -> dict[TP, int]:
    """First offset that is still there by partition; blocks. Raises ``KafkaException``."""
    wanted = dict.fromkeys((TopicPartition(*place) for place in partitions), _EARLIEST)
    return _ask(admin, wanted, timeout, IsolationLevel.READ_UNCOMMITTED)


def _ask(
    admin: AdminClient, wanted: dict[TopicPartition, OffsetSpec], timeout: float, isolation: IsolationLevel
) -> dict[TP, int]:
    """Answer by partition.

    A moving leader or a lost connection is retried for about ``timeout`` seconds.
    librdkafka's admin client does not notice by itself that a leader has changed: it repeats the same error until it is
    asked for the topics.
    """
    until = time.monotonic() + timeout
    moved = False
    while wanted:
        try:
            if moved:
                admin.list_topics(timeout=max(_LEAST, until - time.monotonic()))
            left = max(_LEAST, until - time.monotonic())
            answers = admin.list_offsets(wanted, isolation_level=isolation, request_timeout=left)
            return {TP(tp.topic, tp.partition): answer.result().offset for tp, answer in answers.items()}
        except KafkaException as exc:
            if exc.args[0].code() not in _PASSES or time.monotonic() > until:
                raise
        moved = True
        time.sleep(_PAUSE)
    return {}
