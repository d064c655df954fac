"""The one place that knows topics, keys, partition counts and owners (design, "What travels")."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from schemas.kinds import Kind

MAX_MESSAGE_BYTES = 2 << 20  # events of up to 2 MB reach us, so that they can be dead-lettered with a reason
DAY_MS = 86_400_000
TOMBSTONES_KEPT = 7 * 86_400
"""Seconds that a compacted topic says of a key that it was deleted: local stores that are older are rebuilt."""
SEGMENT_BYTES = 128 << 20
"""What is newer than that is not compacted, in each partition: Kafka's default is 1 GiB."""


class PartitionCounts(Protocol):
    """What of the settings says how many partitions topics have."""

    user_partitions: int
    item_partitions: int


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic without its namespace: who keys it, who writes it, how long it stays."""

    suffix: str
    keyed_by: Literal["user", "item", "topic"]
    cleanup: Literal["delete", "compact"]
    owner: str
    config: dict[str, str] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash(self.suffix)

    def name(self, namespace: str) -> str:
        return f"{namespace}.{self.suffix}"

    def partitions(self, settings: PartitionCounts) -> int:
        counts = {"user": settings.user_partitions, "item": settings.item_partitions, "topic": 1}
        return counts[self.keyed_by]

    def topic_config(self) -> dict[str, str]:
        """Topic settings for its creation."""
        base = {"cleanup.policy": self.cleanup, "max.message.bytes": str(MAX_MESSAGE_BYTES)}
        if self.cleanup == "compact":
            base |= {
                "min.cleanable.dirty.ratio": "0.2",
                "segment.ms": str(DAY_MS),
                "segment.bytes": str(SEGMENT_BYTES),
                "max.compaction.lag.ms": str(7 * DAY_MS),
                "delete.retention.ms": str(TOMBSTONES_KEPT * 1000),
            }
        return base | self.config


CLICK = Topic(f"events.{Kind.CLICK}.v1", "user", "delete", "your producers", {"retention.ms": str(7 * DAY_MS)})
SEARCH = Topic(f"events.{Kind.SEARCH}.v1", "user", "delete", "your producers", {"retention.ms": str(7 * DAY_MS)})
PURCHASE = Topic(f"events.{Kind.PURCHASE}.v1", "user", "delete", "your producers", {"retention.ms": str(7 * DAY_MS)})
IMPRESSION = Topic(
    f"events.{Kind.IMPRESSION}.v1", "user", "delete", "your producers", {"retention.ms": str(7 * DAY_MS)}
)
CATALOG = Topic("catalog.items.v1", "item", "compact", "your producers")
RECOMMENDATIONS = Topic("recommendations.v1", "user", "delete", "profiles, narrator", {"retention.ms": str(2 * DAY_MS)})
ITEM_UPDATES = Topic("item-updates.v1", "item", "delete", "profiles, catalog", {"retention.ms": str(2 * DAY_MS)})
ITEM_STATE = Topic("item-state.v1", "item", "compact", "items")
DRAFTS = Topic("drafts.v1", "user", "delete", "profiles", {"retention.ms": str(DAY_MS)})
DEAD_LETTERS = Topic("dead-letters.v1", "user", "delete", "all stages", {"retention.ms": str(14 * DAY_MS)})
USER_STATE = Topic("user-state.v1", "user", "compact", "profiles")
CATALOG_STATE = Topic("catalog-state.v1", "item", "compact", "catalog")
TOPIC_IDS = Topic("topic-ids.v1", "topic", "compact", "all stages")

EVENTS: dict[Kind, Topic] = {
    Kind.CLICK: CLICK,
    Kind.SEARCH: SEARCH,
    Kind.PURCHASE: PURCHASE,
    Kind.IMPRESSION: IMPRESSION,
}
INPUTS: dict[Kind, Topic] = EVENTS | {Kind.CATALOG: CATALOG}
ALL = (
    *INPUTS.values(),
    RECOMMENDATIONS,
    ITEM_UPDATES,
    ITEM_STATE,
    DRAFTS,
    DEAD_LETTERS,
    USER_STATE,
    CATALOG_STATE,
    TOPIC_IDS,
)
# Numbers of source topics inside state and item updates: never reuse or reorder.
SOURCE_NUMBERS: dict[str, int] = {
    CLICK.suffix: 0,
    SEARCH.suffix: 1,
    PURCHASE.suffix: 2,
    IMPRESSION.suffix: 3,
    CATALOG.suffix: 4,
}
