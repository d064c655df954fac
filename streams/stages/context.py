"""What all stages of a worker share."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from operators.recommender import Recommender
from operators.state.item_index import ItemIndex
from streams.broker.incarnations import Incarnation
from streams.broker.update_messages import source_number
from streams.engine import BatchApp, BatchTable
from streams.engine.local_store import keep_only
from streams.metrics import Metrics
from streams.model.live import LiveNarration
from streams.settings import Settings
from streams.stages.dead_letters import DeadLetters
from streams.topology import Stage, Topic


def wall_clock_ms() -> int:
    """Epoch milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Context:
    """Settings, shared state and the worker's clock; stages of one worker share one item index."""

    settings: Settings
    index: ItemIndex
    recommender: Recommender
    metrics: Metrics
    incarnations: Mapping[str, Incarnation]
    live: LiveNarration
    now_ms: Callable[[], int] = wall_clock_ms
    owned_items: set[int] = field(default_factory=set)
    """Item partitions whose rows the items stage of this process writes: the index reader leaves them alone."""

    def latency_ms(self, arrived: int) -> float:
        """Milliseconds since ``arrived`` (epoch ms), with a fraction: quick answers take less than one."""
        return max(0.0, self.now_ms() - arrived + time.time_ns() % 1_000_000 / 1e6)

    def topic(self, topic: Topic) -> str:
        """Full name."""
        return topic.name(self.settings.namespace)

    def table(self, app: BatchApp, stage: Stage) -> BatchTable:
        """The table of ``stage``, with a partition for each of its changelog's; a local store of another changelog goes.

        Raises ``ValueError`` for a stage that keeps nothing.
        """
        declared = stage.table
        if declared is None:
            raise ValueError(f"stage {stage.name} has no table")
        changelog = self.topic(declared.changelog)
        keep_only(Path(app.conf.datadir), self.incarnations[changelog].topic_id)
        table = BatchTable(
            app,
            name=declared.name,
            changelog=changelog,
            partitions=declared.changelog.partitions(self.settings),
            rocksdb_cache_bytes=self.settings.rocksdb_cache_bytes,
        )
        app.tables.add(table)
        return table

    def source(self, topic: Topic, partition: int) -> int:
        """Number under which applied offsets of this incarnation of the topic are kept; ``ValueError`` if it has none."""
        if topic.source_number is None:
            raise ValueError(f"offsets of {topic.suffix} are not kept in states")
        epoch = self.incarnations[self.topic(topic)].epoch
        return source_number(epoch, topic.source_number, partition)

    def dead_letters(self, stage: Stage) -> DeadLetters:
        """The dead-letter path of ``stage``."""
        s = self.settings
        return DeadLetters(
            stage.name, s.namespace, s.user_partitions, rate=s.dead_letter_rate, minimum=s.dead_letter_minimum
        )
