"""Item state as bytes, and back: catalogue record and learned row, with neighbours by id, so that any process reads it."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.state.errors import corrupt
from operators.state.item_index import ItemIndex
from operators.state.sealing import seal, unseal
from schemas.records import CatalogItem

KIND = b"I"
VERSION = 1


class _Item(msgspec.Struct, array_like=True):
    """Format 1. Weights and factors are little-endian f32; `ids` are the strings of neighbours, then successors."""

    catalog: CatalogItem | None
    deleted: bool
    learned: bool
    applied: int
    factors: bytes
    ids: msgspec.Raw
    neighbour_weights: bytes
    neighbour_total: float
    neighbour_at: int
    successor_weights: bytes
    successor_total: float
    successor_at: int
    popularity: float
    popularity_at: int
    interactions: float
    repeats: float
    deleted_at: int = 0
    """Not in the first rows of this format; a program that does not know it passes over it."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Item)


def encode_item(index: ItemIndex, item: int) -> bytes:
    """Bytes of the row; over `Parameters.max_item_state_bytes`, without the lightest half of both lists, repeatedly.

    A row that was never learned stores no factors: every process gives it the same ones.
    """
    data = _encode(index, item, index.parameters.neighbours)
    keep = index.parameters.neighbours
    while len(data) > index.parameters.max_item_state_bytes and keep > 0:
        keep //= 2
        data = _encode(index, item, keep)
    return data


def decode_item(index: ItemIndex, item_id: str, data: bytes | None) -> int:
    """Overwrite the item's row with the stored one (None, a tombstone: as if never seen); returns its number, -1 where a
    tombstone is for an item without one.

    Rows longer than this process's parameters are cut to their heaviest entries, shorter ones leave places empty.
    Raises `StateCorruptError` and `StateVersionError`, and then leaves the row as it was.
    """
    if data is None:
        gone = index.lookup.get(item_id, -1)
        if gone >= 0:
            index.reset(gone)
        return gone
    what = f"state of item {item_id!r}"
    payload = unseal(what, KIND, VERSION, data)
    try:
        stored = _decoder.decode(payload)
        factors = np.frombuffer(stored.factors, np.float32)
        neighbours = np.frombuffer(stored.neighbour_weights, np.float32)
        successors = np.frombuffer(stored.successor_weights, np.float32)
        others = index.intern_encoded(stored.ids)
        if len(others) != len(neighbours) + len(successors):
            raise ValueError("there are not as many ids as weights")
    except (msgspec.DecodeError, ValueError) as error:
        raise corrupt(what, str(error)) from error
    item = index.intern(item_id)
    _restore(index, item, stored, factors)
    index.version += 1
    split = len(neighbours)
    _fill(index.neighbour_items[item], index.neighbour_weights[item], others[:split], neighbours)
    _fill(index.successor_items[item], index.successor_weights[item], others[split:], successors)
    return item


def _encode(index: ItemIndex, item: int, keep: int) -> bytes:
    neighbours, neighbour_weights = _entries(index.neighbour_items[item], index.neighbour_weights[item], keep)
    successors, successor_weights = _entries(index.successor_items[item], index.successor_weights[item], keep)
    learned = bool(index.learned[item])
    stored = _Item(
        index.catalog[item],
        bool(index.deleted[item]),
        learned,
        int(index.applied[item]),
        index.factors[item].tobytes() if learned else b"",
        index.names.array(np.concatenate((neighbours, successors))),
        neighbour_weights.tobytes(),
        float(index.neighbour_total[item]),
        int(index.neighbour_at[item]),
        successor_weights.tobytes(),
        float(index.successor_total[item]),
        int(index.successor_at[item]),
        float(index.popularity[item]),
        int(index.popularity_at[item]),
        float(index.interactions[item]),
        float(index.repeats[item]),
        int(index.deleted_at[item]),
    )
    return seal(KIND, VERSION, _encoder.encode(stored))


def _entries(
    items: NDArray[np.int32], weights: NDArray[np.float32], keep: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    used = len(items) if items[-1] >= 0 else int((items < 0).argmax())
    if used <= keep:
        return items[:used], weights[:used]
    heaviest = np.sort(np.argsort(-weights[:used], kind="stable")[:keep])
    return items[heaviest], weights[heaviest]


def _restore(index: ItemIndex, item: int, stored: _Item, factors: NDArray[np.float32]) -> None:
    if stored.learned:
        width = min(len(factors), index.factors.shape[1])
        index.factors[item, :width] = factors[:width]
    else:
        index.reset_factors(item)
    index.learned[item] = stored.learned
    index.applied[item] = stored.applied
    index.neighbour_total[item] = stored.neighbour_total
    index.neighbour_at[item] = stored.neighbour_at
    index.successor_total[item] = stored.successor_total
    index.successor_at[item] = stored.successor_at
    index.popularity[item] = stored.popularity
    index.popularity_at[item] = stored.popularity_at
    index.interactions[item] = stored.interactions
    index.repeats[item] = stored.repeats
    index.set_record(item, stored.catalog, deleted=stored.deleted)
    index.deleted_at[item] = stored.deleted_at


def _fill(
    row_items: NDArray[np.int32], row_weights: NDArray[np.float32], items: NDArray[np.int32],
    weights: NDArray[np.float32],
) -> None:  # fmt: skip
    if len(items) > len(row_items):
        heaviest = np.sort(np.argsort(-weights, kind="stable")[: len(row_items)])
        items, weights = items[heaviest], weights[heaviest]
    row_items[: len(items)] = items
    row_items[len(items) :] = -1
    row_weights[: len(items)] = weights
    row_weights[len(items) :] = 0.0
