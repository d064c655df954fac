"""The format of ``item-updates.v1``: the kind of update, the offset of its source record, the payload.

One byte of kind, then for changes by the catalogue the source number (u32) and offset (i64) of the catalogue record,
little endian, then the payload. Learning messages have their source offsets in the payload
(:mod:`operators.learning.item_updates`).
"""

from __future__ import annotations

import enum
import struct
from typing import NamedTuple

import msgspec
from faust.types import TP

from operators.state.errors import StateCorruptError, StateError, corrupt
from streams.topology import ITEM_STATE

_HEAD = struct.Struct("<cIq")
META_KEY = b"\xff\x00merged"  # not UTF-8, so no item has this key
MAX_EPOCHS = 128
"""Incarnations of a topic that offsets inside the state can tell apart."""


class UpdateKind(enum.Enum):
    """First byte of a message."""

    LEARNING = b"L"
    CATALOG = b"C"
    DELETION = b"D"
    WITHDRAWAL = b"W"


ALWAYS = -1
"""Offset of an update that comes from no record: it is merged whatever was merged before."""


class CatalogUpdate(NamedTuple):
    """A changed catalogue row; ``payload`` is the item's JSON, or its id if it was deleted or withdrawn."""

    kind: UpdateKind
    source: int
    offset: int
    payload: bytes


def pack_learning(payload: bytes) -> bytes:
    """Envelope of packed :class:`operators.learning.item_updates.ItemUpdates`."""
    return UpdateKind.LEARNING.value + payload


def pack_catalog(kind: UpdateKind, source: int, offset: int, payload: bytes) -> bytes:
    """Envelope of a catalogue row (its JSON), or of a deletion or withdrawal (the item's id)."""
    return _HEAD.pack(kind.value, source, offset) + payload


def unpack(message: bytes) -> bytes | CatalogUpdate:
    """Learning payload or catalogue update; raises :class:`StateCorruptError` on anything else."""
    if message[:1] == UpdateKind.LEARNING.value:
        return message[1:]
    try:
        kind, source, offset = _HEAD.unpack_from(message)
        return CatalogUpdate(UpdateKind(kind), source, offset, message[_HEAD.size :])
    except (struct.error, ValueError) as exc:
        raise StateCorruptError(
            f"an item update of {len(message)} bytes has no known kind: was it written by a newer version?"
        ) from exc


def unreadable_update(tp: TP, offset: int, found: Exception) -> str:
    """The message for an item update that cannot be read; it comes again at every start."""
    problem = found.problem if isinstance(found, StateError) else str(found)
    return (
        f"{tp.topic}-{tp.partition}, offset {offset}: this is no item update that can be read ({problem}). Nothing "
        "behind it was learned by the items or acknowledged. If a newer Headwater wrote it, run that version. "
        f"Otherwise find out who writes into this topic, stop the workers, delete and create {tp.topic}, and run: "
        f"headwater topics accept {tp.topic} (the catalogue is published again; what the items had "
        "not learned yet is lost: docs/operations.md)"
    )


def source_number(topic_epoch: int, topic_number: int, partition: int) -> int:
    """One number for epoch, topic and partition: the key of applied offsets. Raises ``ValueError`` out of range."""
    if not (0 <= topic_epoch < MAX_EPOCHS and 0 <= topic_number < 256 and 0 <= partition < 65_536):
        raise ValueError(f"source out of range: epoch {topic_epoch}, topic {topic_number}, partition {partition}")
    return topic_epoch << 24 | topic_number << 16 | partition


def message_number(topic_epoch: int, offset: int) -> int:
    """Position of a message among those of all incarnations of its topic: grows with epoch and offset."""
    return topic_epoch << 48 | offset


def source_place(source: int) -> tuple[int, int, int]:
    """Epoch, topic number and partition of a :func:`source_number`."""
    return source >> 24, source >> 16 & 255, source & 65_535


def message_epoch(message: int) -> int:
    """Epoch of a :func:`message_number`."""
    return message >> 48


class Merged(msgspec.Struct, array_like=True):
    """What was merged into a partition's rows: number of the last update message, and last offset by source number."""

    message: int = -1
    sources: dict[int, int] = {}


_merged_decoder = msgspec.msgpack.Decoder(Merged)


def decode_merged(value: bytes) -> Merged:
    """Raises ``StateCorruptError``."""
    try:
        return _merged_decoder.decode(value)
    except msgspec.DecodeError as exc:
        raise corrupt(f"the record of merged updates in {ITEM_STATE.suffix}", str(exc)) from exc
