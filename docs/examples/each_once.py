"""Shows every recommendation once, though a worker that was killed writes some of them again.

    python docs/examples/each_once.py localhost:9092 headwater my-page

What is written again has the same ``recommendation_id`` and is in the same partition, so the latest ids of each
partition are remembered. When it starts, or is given partitions, the reader goes back as far as it remembers and only
notes what was handled before. (A store keyed by ``recommendation_id`` needs none of this: let the later record replace
the earlier.)
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, TopicPartition

REMEMBERED = 50_000
"""Ids a partition: more than it gets between a worker's death and the restart that repeats its last interval."""


class LatestIds:
    """The last `REMEMBERED` ids, oldest first."""

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}

    def add(self, recommendation_id: str) -> bool:
        """Whether it is new."""
        new = recommendation_id not in self._ids
        self._ids[recommendation_id] = None
        if len(self._ids) > REMEMBERED:
            del self._ids[next(iter(self._ids))]
        return new


def read(
    brokers: str,
    namespace: str,
    group: str,
    handle: Callable[[dict[str, Any]], None],
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Call ``handle`` for each recommendation; the first record of an id counts.

    Offsets are committed behind what was handled, every five seconds and at the end: if this process itself is killed,
    it handles what came since then again, unless ``handle`` keeps the ids with its own work.
    """
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": group, "enable.auto.offset.store": False})
    ids: dict[int, LatestIds] = {}
    begin: dict[int, int] = {}  # what is before this offset was handled earlier

    def assigned(consumer: Consumer, partitions: list[TopicPartition]) -> None:
        found = consumer.committed(partitions, timeout=30)
        for tp in found:
            first, _ = consumer.get_watermark_offsets(tp, timeout=30)
            begin[tp.partition], ids[tp.partition] = max(tp.offset, first), LatestIds()
            tp.offset = max(begin[tp.partition] - REMEMBERED, first)
        consumer.assign(found)

    consumer.subscribe([f"{namespace}.recommendations.v1"], on_assign=assigned)
    try:
        while not stopped():
            message = consumer.poll(0.5)
            if message is None:
                continue
            if message.error():
                raise RuntimeError(str(message.error()))
            record, partition = json.loads(message.value()), message.partition()
            new = ids[partition].add(record["recommendation_id"])
            if message.offset() >= begin[partition]:
                if new:
                    handle(record)
                consumer.store_offsets(message)
    finally:
        consumer.close()


if __name__ == "__main__":
    read(*sys.argv[1:4], handle=lambda record: print(record["user_id"], record["text"], flush=True))
