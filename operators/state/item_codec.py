"""Item state as bytes, and back: catalogue record and learned row, with neighbours by id, so that any process reads it.

A row is a MessagePack array. `ItemColumns` says what stands in which place: numbers as they are, vectors and weights as
little-endian bytes. The items that the weights belong to are strings in one array, list behind list.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from operator import itemgetter
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import astuple
from numpy.typing import NDArray

from operators.state.errors import corrupt
from operators.state.item_columns import COLUMNS, NUMBER, Column
from operators.state.item_index import ItemIndex
from operators.state.sealing import seal, unseal
from schemas.records import CatalogItem

KIND = b"I"
VERSION = 1
_FIRST_PLACES = 16
"""So many had the first rows of this format: one that lacks any of them is damaged. Later places may be missing."""
_TYPES: dict[str, type] = {"b": bool, "i": int, "u": int, "f": float}

_CATALOG, _IDS = 0, 5
_stored = [column for column in COLUMNS if column.place >= 0]
_FACTORS, _DELETED = (COLUMNS[NUMBER[name]].place for name in ("factors", "deleted"))
_single = [column for column in _stored if not column.width]
_lists = [
    (
        column.place, NUMBER[column.weights_of], NUMBER[column.name],
        [(other.place, NUMBER[other.name]) for other in _stored if other.beside == column.name],
    )
    for column in _stored
    if column.weights_of
]  # fmt: skip
"""Place of the weights, number of the items' column and of the weights', places and numbers of what stands beside."""
_vectors = [
    (column.place, NUMBER[column.name], column.empty)
    for column in _stored
    if column.width and not column.weights_of and not column.beside and column.place != _FACTORS
]
_places = [column.place for column in _single]
_single_of = itemgetter(*(NUMBER[column.name] for column in _single))
_singles_in = itemgetter(*_places)


def _field(column: Column) -> tuple[str, Any] | tuple[str, Any, Any]:
    """Name and type in the stored row and, where a row may lack it, what it is then."""
    kind, empty = (bytes, b"") if column.width else (_TYPES[np.dtype(column.dtype).kind], column.empty)
    return (column.name, kind) if column.place < _FIRST_PLACES else (column.name, kind, empty)


_fields = {column.place: _field(column) for column in _stored}
_fields |= {_CATALOG: ("catalog", CatalogItem | None), _IDS: ("ids", msgspec.Raw)}
_Item = msgspec.defstruct("_Item", [_fields[place] for place in range(len(_fields))], array_like=True)
_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(_Item)


def encode_item(index: ItemIndex, item: int) -> bytes:
    """Bytes of the row; over `Parameters.max_item_state_bytes`, without the lightest half of each list, repeatedly.

    A row that was never learned stores no factors: every process gives it the same ones.
    """
    data = _encode(index, item)
    if len(data) <= index.parameters.max_item_state_bytes:
        return data
    keep = max(index.rows[number].shape[1] for _, number, _, _ in _lists)
    while len(data) > index.parameters.max_item_state_bytes and keep > 0:
        keep //= 2
        data = _encode(index, item, keep)
    return data


def decode_item(index: ItemIndex, item_id: str, data: bytes | None) -> int:
    """Overwrite the item's row with the stored one (None, a tombstone: as if never seen) and return its number.

    -1 where a tombstone is for an item without a row.

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
        stored = astuple(_decoder.decode(payload))
        factors = np.frombuffer(stored[_FACTORS], np.float32)
        vectors = [
            (number, np.frombuffer(stored[place], index.rows[number].dtype), empty) for place, number, empty in _vectors
        ]
        lists = list(_lists_in(stored, index.intern_encoded(stored[_IDS])))
    except (msgspec.DecodeError, ValueError) as error:
        raise corrupt(what, str(error)) from error
    item = index.intern(item_id)
    rows = index.rows
    index.set_record(item, stored[_CATALOG], deleted=stored[_DELETED])
    for array, value in zip(_single_of(rows), _singles_in(stored), strict=True):
        array[item] = value
    if rows.withdrawn[item] or not rows.available[item]:
        index.set_available(item)
    if not rows.learned[item] or len(factors) < rows.factors.shape[1]:
        index.reset_factors(item)
    _fill(rows.factors[item], factors)
    for number, vector, empty in vectors:
        rows[number][item, len(vector) :] = empty
        _fill(rows[number][item], vector)
    for numbers, columns in lists:
        _fill_list([rows[number][item] for number in numbers], columns)
    index.version += 1
    return item


def _lists_in(stored: tuple[Any, ...], items: NDArray[np.int32]) -> Iterator[tuple[list[int], list[NDArray[Any]]]]:
    """Columns of items, of their weights and of what stands beside, and what is stored of each.

    `items` are those of all lists in turn. What a row lacks that was stored before there was the column is 0.
    """
    named = 0
    for place, number, weight_number, beside in _lists:
        weights = np.frombuffer(stored[place], np.float32)
        columns = [items[named : named + len(weights)], weights]
        for other_place, other in beside:
            dtype = COLUMNS[other].dtype
            columns.append(np.frombuffer(stored[other_place] or bytes(len(weights) * dtype.itemsize), dtype))  # type: ignore[union-attr]
        if len({len(column) for column in columns}) > 1:
            raise ValueError("columns of one list differ in length")
        yield [number, weight_number, *(other for _, other in beside)], columns
        named += len(weights)
    if len(items) != named:
        raise ValueError("there are not as many ids as weights")


def _encode(index: ItemIndex, item: int, keep: int = sys.maxsize) -> bytes:
    rows = index.rows
    record: list[Any] = [None] * len(_fields)
    record[_CATALOG] = index.catalog[item]
    record[_FACTORS] = rows.factors[item].tobytes() if rows.learned[item] else b""
    for place, array in zip(_places, _single_of(rows), strict=True):
        record[place] = array.item(item)
    for place, number, _ in _vectors:
        record[place] = rows[number][item].tobytes()
    named = []
    for place, number, weight_number, beside in _lists:
        used = _entries(rows[number][item], rows[weight_number][item], keep)
        named.append(rows[number][item][used])
        record[place] = rows[weight_number][item][used].tobytes()
        for other_place, other in beside:
            record[other_place] = rows[other][item][used].tobytes()
    record[_IDS] = index.names.array(np.concatenate(named))
    return seal(KIND, VERSION, _encoder.encode(record))


def _entries(items: NDArray[np.int32], weights: NDArray[np.float32], keep: int) -> slice | NDArray[np.intp]:
    """Places of the entries that are stored: all, or the heaviest."""
    used = len(items) if items[-1] >= 0 else int((items < 0).argmax())
    if used <= keep:
        return slice(used)
    return np.sort(np.argsort(-weights[:used], kind="stable")[:keep])


def _fill(row: NDArray[Any], values: NDArray[Any]) -> None:
    row[: len(values)] = values[: len(row)]


def _fill_list(rows: list[NDArray[Any]], columns: list[NDArray[Any]]) -> None:
    """`rows` and `columns`: items, weights, and what stands beside."""
    width = len(rows[0])
    if len(columns[0]) > width:
        heaviest = np.sort(np.argsort(-columns[1], kind="stable")[:width])
        columns = [column[heaviest] for column in columns]
    for row, column in zip(rows, columns, strict=True):
        row[: len(column)] = column
        row[len(column) :] = 0
    rows[0][len(columns[0]) :] = -1
