"""What all stages of a worker share."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from operators.recommender import Recommender
from operators.state.item_index import ItemIndex
from streams.broker.incarnations import Incarnation
from streams.broker.update_messages import source_number
from streams.clock import Clock
from streams.engine import BatchApp, BatchTable, Observer, StageEngine, States, keep_only
from streams.metrics import Metrics
from streams.model.live import LiveNarration
from streams.settings import Settings
from streams.stages.dead_letters import DeadLetters
from streams.stages.owned_partitions import OwnedPartitions
from streams.topology import Stage, Topic


@dataclass(slots=True)
class Context:
    """Settings, clock and shared state; stages of one worker share one item index."""

    settings: Settings
    index: ItemIndex
    recommender: Recommender
    metrics: Metrics
    incarnations: Mapping[str, Incarnation]
    live: LiveNarration
    clock: Clock = field(default_factory=Clock)
    owned: OwnedPartitions = field(default_factory=OwnedPartitions)
    catalogue_read: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once events may be answered: what the catalogue held at the start is in the index."""

    def latency_ms(self, arrived: int) -> float:
        """Milliseconds since ``arrived`` (epoch ms), with a fraction."""
        return max(0.0, self.clock.time_ns() / 1e6 - arrived)

    def topic(self, topic: Topic) -> str:
        """Full name of a topic, with the namespace."""
        return topic.name(self.settings.namespace)

    def table(self, app: BatchApp, stage: Stage) -> BatchTable:
        """The table of ``stage``, partitioned as its changelog. A local store of another incarnation is removed.

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

    def engine(
        self, app: BatchApp, stage: Stage, states: States, table: BatchTable | None, observer: Observer, *,
        interval: float | None = None,
    ) -> StageEngine:  # fmt: skip
        """The engine of ``stage``; ``interval`` (seconds) replaces the setting's checkpoint interval."""
        return StageEngine(
            app,
            stage.name,
            [self.topic(topic) for topic in stage.reads],
            states,
            table,
            interval=interval or self.settings.checkpoint_interval,
            dirty_bytes=self.settings.checkpoint_bytes,
            observer=observer,
        )

    def source(self, topic: Topic, partition: int) -> int:
        """The source number of applied offsets of the topic's current incarnation; ``ValueError`` if it has none."""
        if topic.source_number is None:
            raise ValueError(f"offsets of {topic.suffix} are not kept in states")
        epoch = self.incarnations[self.topic(topic)].epoch
        return source_number(epoch, topic.source_number, partition)

    def dead_letters(self, stage: Stage) -> DeadLetters:
        """The dead-letter path of ``stage``."""
        s = self.settings
        return DeadLetters(stage.name, s.namespace, s.user_partitions, rate=s.dead_letter_rate)
