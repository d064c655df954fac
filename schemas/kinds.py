"""Kinds of input records, and the names of the topics that other programs write and read."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Self

KeyField = Literal["user_id", "item_id"]


class Kind(StrEnum):
    """A kind of record, with the topic that takes it and the field of the record that is the Kafka key."""

    topic: str
    """Name without the namespace; replay files name it, too."""
    key_field: KeyField

    def __new__(cls, value: str, topic: str, key_field: KeyField) -> Self:
        kind = str.__new__(cls, value)
        kind._value_, kind.topic, kind.key_field = value, topic, key_field
        return kind

    CLICK = "click", "events.click.v1", "user_id"
    SEARCH = "search", "events.search.v1", "user_id"
    PURCHASE = "purchase", "events.purchase.v1", "user_id"
    IMPRESSION = "impression", "events.impression.v1", "user_id"
    CATALOG = "catalog", "catalog.items.v1", "item_id"

    @property
    def is_event(self) -> bool:
        """Whether it tells what a user did; the catalogue tells what there is."""
        return self is not Kind.CATALOG


RECOMMENDATIONS_TOPIC = "recommendations.v1"
"""Where recommendations go, without the namespace."""
KIND_OF_TOPIC: dict[str, Kind] = {kind.topic: kind for kind in Kind}
