"""What all stages of a worker share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from operators.recommender import Recommender
from operators.state.item_index import ItemIndex
from streams.broker.incarnations import Incarnation
from streams.broker.update_messages import source_number
from streams.clock import Clock
from streams.engine import BatchApp, BatchTable, keep_only
from streams.metrics import Metrics
from streams.model.live import LiveNarration
from streams.settings import Settings
from streams.stages.dead_letters import DeadLetters
from streams.stages.owned_partitions import OwnedPartitions
from streams.topology import SOURCE_NUMBERS, Topic


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

    def latency_ms(self, arrived: int) -> float:
        """Milliseconds since ``arrived`` (epoch ms), with a fraction: quick answers take less than one."""
        return max(0.0, self.clock.time_ns() / 1e6 - arrived)

    def topic(self, topic: Topic) -> str:
        """Full name."""
        return topic.name(self.settings.namespace)

    def table(self, app: BatchApp, name: str, changelog: Topic) -> BatchTable:
        """A table of ``app`` with a partition for each of its changelog's; a local store of another changelog goes."""
        keep_only(Path(app.conf.datadir), self.incarnations[self.topic(changelog)].topic_id)
        table = BatchTable(
            app,
            name=name,
            changelog=self.topic(changelog),
            partitions=changelog.partitions(self.settings),
            rocksdb_cache_bytes=self.settings.rocksdb_cache_bytes,
        )
        app.tables.add(table)
        return table

    def source(self, topic: Topic, partition: int) -> int:
        """Number under which applied offsets of this incarnation of the topic are kept."""
        epoch = self.incarnations[self.topic(topic)].epoch
        return source_number(epoch, SOURCE_NUMBERS[topic.suffix], partition)

    def dead_letters(self, stage: str) -> DeadLetters:
        """The dead-letter path of ``stage``."""
        s = self.settings
        return DeadLetters(
            stage, s.namespace, s.user_partitions, rate=s.dead_letter_rate, minimum=s.dead_letter_minimum
        )
