"""Records as a producer sends them."""

from __future__ import annotations

import msgspec

from schemas.records import CatalogItem, ItemDeletion, Record


def record_key(record: Record) -> bytes:
    """The Kafka key: the user's id for events, the item's for the catalogue."""
    return (record.item_id if isinstance(record, CatalogItem | ItemDeletion) else record.user_id).encode()


def encode_record(record: Record) -> bytes | None:
    """The Kafka value: JSON without the fields that stand at their default; None for a deletion."""
    return None if isinstance(record, ItemDeletion) else msgspec.json.encode(record)
