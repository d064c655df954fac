"""Stages and topics, declared once: what a stage reads, keeps and writes; a topic's key, partitions and retention.

Settings, metric labels, the command line, the registry of topic ids and the tables and pictures of the documentation
derive from what stands here. The names of the topics that other programs write and read come from :mod:`schemas.kinds`,
since replay files and JSON Schemas bear them, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Literal, Protocol

from schemas.durations import DAY_MS
from schemas.kinds import RECOMMENDATIONS_TOPIC, Kind

MAX_MESSAGE_BYTES = 2 << 20  # events of up to 2 MB reach us, so that they can be dead-lettered with a reason
TOMBSTONES_KEPT = 7 * 86_400
"""Seconds for which a compacted topic keeps the deletion of a key: local stores that are older are rebuilt."""
SEGMENT_BYTES = 128 << 20
"""Kafka does not compact the newest segment of a partition, by default up to 1 GiB; with this size, less."""

MAX_PARTITIONS = 1024
"""The most partitions of a topic."""

Key = Literal["user", "item", "topic"]


class PartitionCounts(Protocol):
    """The settings that say how many partitions topics have."""

    user_partitions: int
    item_partitions: int


@dataclass(frozen=True, slots=True, eq=False)
class Topic:
    """A topic without its namespace; compacted (the last record of each key stays) unless it has ``retention_days``.

    The ``source_number`` of a topic is in stored states and item updates, with the offsets of its records. So it can
    never be changed or used for another topic.
    """

    suffix: str
    keyed_by: Key
    retention_days: int | None = None
    kind: Kind | None = None
    source_number: int | None = None

    def name(self, namespace: str) -> str:
        return f"{namespace}.{self.suffix}"

    @property
    def cleanup(self) -> Literal["compact", "delete"]:
        return "compact" if self.retention_days is None else "delete"

    def partitions(self, settings: PartitionCounts) -> int:
        counts = {"user": settings.user_partitions, "item": settings.item_partitions, "topic": 1}
        return counts[self.keyed_by]

    def topic_config(self) -> dict[str, str]:
        """Topic settings for its creation."""
        base = {"cleanup.policy": self.cleanup, "max.message.bytes": str(MAX_MESSAGE_BYTES)}
        if self.retention_days is not None:
            return base | {"retention.ms": str(self.retention_days * DAY_MS)}
        return base | {
            "min.cleanable.dirty.ratio": "0.2",
            "segment.ms": str(DAY_MS),
            "segment.bytes": str(SEGMENT_BYTES),
            "max.compaction.lag.ms": str(7 * DAY_MS),
            "delete.retention.ms": str(TOMBSTONES_KEPT * 1000),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The table of a stage: the name of its local store, its changelog, and in words what it keeps."""

    name: str
    changelog: Topic
    keeps: str


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A step of the stream with its own consumer group; its sources and its table have the same key."""

    name: str
    does: str
    """In a few words, for the picture in the documentation."""
    reads: tuple[Topic, ...]
    writes: tuple[Topic, ...] = ()
    """Topics beside the table's changelog."""
    table: Table | None = None
    holds: tuple[Topic, ...] = ()
    """Compacted topics that a worker reads in whole, without a group, to have all of their rows in memory."""
    sends_again: bool = False
    """Whether it sends all records again when it reads its sources from the beginning, also those that it knows."""
    waits_for_many: bool = False
    """Whether the broker may hold its source records back for a moment while many come (``HEADWATER_FETCH_WAIT``)."""

    def group(self, namespace: str) -> str:
        """Name of the stage's consumer group."""
        return f"{namespace}.{self.name}"

    @property
    def key(self) -> Key:
        return self.reads[0].keyed_by

    @property
    def written(self) -> tuple[Topic, ...]:
        """All topics that it writes, the changelog included."""
        return self.writes if self.table is None else (*self.writes, self.table.changelog)


# --- topics
CLICK = Topic(Kind.CLICK.topic, "user", retention_days=7, kind=Kind.CLICK, source_number=0)
SEARCH = Topic(Kind.SEARCH.topic, "user", retention_days=7, kind=Kind.SEARCH, source_number=1)
PURCHASE = Topic(Kind.PURCHASE.topic, "user", retention_days=7, kind=Kind.PURCHASE, source_number=2)
IMPRESSION = Topic(Kind.IMPRESSION.topic, "user", retention_days=7, kind=Kind.IMPRESSION, source_number=3)
CATALOG_ITEMS = Topic(Kind.CATALOG.topic, "item", kind=Kind.CATALOG, source_number=4)
RECOMMENDATIONS = Topic(RECOMMENDATIONS_TOPIC, "user", retention_days=2)
ITEM_UPDATES = Topic("item-updates.v1", "item", retention_days=2)
ITEM_STATE = Topic("item-state.v1", "item")
DRAFTS = Topic("drafts.v1", "user", retention_days=1)
DEAD_LETTERS = Topic("dead-letters.v1", "user", retention_days=14)
USER_STATE = Topic("user-state.v1", "user")
CATALOG_STATE = Topic("catalog-state.v1", "item")
TOPIC_IDS = Topic("topic-ids.v1", "topic")

ALL: tuple[Topic, ...] = tuple(value for value in tuple(globals().values()) if isinstance(value, Topic))
"""Every topic above, in this order."""
INPUTS: dict[Kind, Topic] = {topic.kind: topic for topic in ALL if topic.kind is not None}
EVENTS: dict[Kind, Topic] = {kind: topic for kind, topic in INPUTS.items() if kind.is_event}

# --- stages
PROFILES = Stage(
    "profiles",
    "learns users, ranks",
    reads=tuple(EVENTS.values()),
    writes=(RECOMMENDATIONS, DRAFTS, ITEM_UPDATES, DEAD_LETTERS),
    table=Table("users", USER_STATE, "a state for each user"),
    holds=(ITEM_STATE,),
    waits_for_many=True,
)
CATALOG = Stage(
    "catalog",
    "checks items",
    reads=(CATALOG_ITEMS,),
    writes=(ITEM_UPDATES, DEAD_LETTERS),
    table=Table("catalog", CATALOG_STATE, "a digest of each item's last accepted row"),
    holds=(ITEM_STATE,),
    sends_again=True,
)
ITEMS = Stage(
    "items",
    "learns items",
    reads=(ITEM_UPDATES,),
    table=Table("items", ITEM_STATE, "a row for each item"),
)
NARRATOR = Stage(
    "narrator",
    "writes live text",
    reads=(DRAFTS,),
    writes=(RECOMMENDATIONS, DEAD_LETTERS),
)

STAGES = (PROFILES, CATALOG, ITEMS, NARRATOR)
"""In the order of stopping: a stage stops before those that read what it writes. They start together."""
STAGE_NAMES = tuple(stage.name for stage in STAGES)
TABLES = tuple(stage.table for stage in STAGES if stage.table is not None)
READ: tuple[Topic, ...] = tuple(dict.fromkeys(chain.from_iterable(stage.reads for stage in STAGES)))
"""All topics that the stages' groups read."""
LOGS: tuple[Topic, ...] = (*READ, *(table.changelog for table in TABLES))
"""All topics whose records a worker needs from where it left off: sources and changelogs."""


def written_by(topic: Topic) -> str:
    """Who writes into ``topic``, in words."""
    if topic.kind is not None:
        return "your producers"
    return ", ".join(stage.name for stage in STAGES if topic in stage.written) or "every worker"


def read_again(topic: Topic) -> list[tuple[Stage, Topic]]:
    """Which stage has to read which topic from the beginning after ``topic`` was deleted and made again.

    That is the topic itself, or all sources of the state that it held. The states skip what they contain already, by
    the offsets inside them. Stages that can send lost records again (:func:`sent_again`) come first.
    """
    again = [(stage, topic) for stage in STAGES if topic in stage.reads]
    again += [(stage, source) for stage in STAGES if _keeps(stage, topic) for source in stage.reads]
    return [*((stage, source) for stage in _senders(topic) for source in stage.reads), *again]


def sent_again(topic: Topic) -> Iterable[Topic]:
    """Sources whose every record has to be sent on again after ``topic`` was made again, changed or not."""
    return chain.from_iterable(stage.reads for stage in _senders(topic))


def _senders(topic: Topic) -> Iterator[Stage]:
    """Stages that can send again what was lost with ``topic``: another stage's source, or the state made from it."""
    lost = [stage for stage in STAGES if topic in stage.reads or _keeps(stage, topic)]
    sources = set(chain.from_iterable(stage.reads for stage in lost))
    return (stage for stage in STAGES if stage.sends_again and sources & set(stage.writes))


def _keeps(stage: Stage, topic: Topic) -> bool:
    return stage.table is not None and stage.table.changelog is topic
