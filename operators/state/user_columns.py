"""How the columns of a user's state are stored.

`UserState` gives each one a place, and a form where it is not stored as it is.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    Numbers: TypeAlias = array[int]
else:
    Numbers = array  # cannot be subscripted at run time before Python 3.12


@dataclass(frozen=True, slots=True)
class Form:
    """The stored form of a value, and the ways there and back.

    For item numbers, which are private to a process, places in the state's table of ids are stored.
    """

    type: Any
    write: Callable[[Any, NDArray[np.int32]], Any]
    """From the value and the places of its items."""
    read: Callable[[Any, list[int]], Any]
    """From what is stored and the items in the table."""
    items: Callable[[Any], Iterable[int]] = lambda value: value
    """The items in a value, in the order of their places."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Of a column that is stored. States that were stored before there was the column are read with its default."""

    place: int
    """In the stored array; a new column takes the next free one. 0 is the table of ids."""
    form: Form | None = None
    """None: as it is, for what MessagePack knows."""
    turn: int = 0
    """When the column's items enter the table of ids, 1 first; a new column with items takes the next free one."""


class Bought(NamedTuple):
    """Purchases of one item by one user; times in epoch milliseconds."""

    occasions: int
    first: int
    last: int

    @property
    def interval(self) -> float:
        """Mean milliseconds between two occasions, 0 for a single one."""
        return (self.last - self.first) / max(1, self.occasions - 1)


class Shown(msgspec.Struct):
    """A list that was recommended: for each of its items, whether an impression and a click were counted."""

    recommendation_id: str
    items: array[int]
    impressed: int = 0
    """Bit p: position p (from 0) was counted as impressed."""
    clicked: int = 0
    """Bit p: position p was counted as clicked."""


class _Shown(msgspec.Struct, array_like=True):
    recommendation_id: str
    items: list[int]
    impressed: bytes
    clicked: bytes


def _shown_items(shown: list[Shown]) -> Numbers:
    items = array("i")
    for entry in shown:
        items.extend(entry.items)
    return items


def _write_shown(shown: list[Shown], places: NDArray[np.int32]) -> list[_Shown]:
    rest = iter(places.tolist())
    return [
        _Shown(
            entry.recommendation_id, list(islice(rest, len(entry.items))), _bits(entry.impressed), _bits(entry.clicked)
        )
        for entry in shown
    ]


def _read_shown(stored: list[_Shown], items: list[int]) -> list[Shown]:
    return [
        Shown(
            entry.recommendation_id, _read_items(entry.items, items), _number(entry.impressed), _number(entry.clicked)
        )
        for entry in stored
    ]


def _bits(mask: int) -> bytes:
    return mask.to_bytes((mask.bit_length() + 7) // 8, "little")


def _number(mask: bytes) -> int:
    return int.from_bytes(mask, "little")


def _read_items(places: list[int], items: list[int]) -> array[int]:
    return array("i", map(items.__getitem__, places))


def _read_event_ids(stored: bytes | dict[int, int], _: list[int]) -> bytearray:
    if isinstance(stored, bytes):
        return bytearray(stored)
    return bytearray().join(number.to_bytes(8, "little") for number in chain.from_iterable(stored.items()))


VECTOR = Form(bytes, lambda vector, _: vector.tobytes(), lambda stored, _: np.array(np.frombuffer(stored, np.float32)))
"""f32[k], little-endian."""
TIMES = Form(list[int], lambda times, _: times.tolist(), lambda stored, _: array("q", stored))
"""An array of 64-bit numbers."""
CODES = Form(bytes, lambda codes, _: codes.tobytes(), lambda stored, _: array("B", stored))
"""An array of bytes."""
EVENT_IDS = Form(bytes | dict[int, int], lambda ids, _: ids, _read_event_ids)
"""One string of bytes. In format 1 a map of two little-endian numbers, the halves of what is an entry now."""
ITEMS = Form(list[int], lambda _, places: places.tolist(), _read_items)
"""An array of items."""
ITEM_KEYS = Form(
    list[int],
    lambda _, places: places.tolist(),
    lambda stored, items: dict.fromkeys(map(items.__getitem__, stored)),
)
"""Items as keys of a dictionary, with nothing behind them."""
ITEM_COUNTS = Form(
    list[int],
    lambda counts, _: list(counts.values()),
    lambda stored, items: dict(zip(items, stored, strict=False)),
)
"""Counts by item. Only for the column with turn 1: the table of ids begins with its items, so counts will do."""
BOUGHT = Form(
    list[tuple[int, int, int, int]],
    lambda bought, places: [(place, *entry) for place, entry in zip(places.tolist(), bought.values(), strict=True)],
    lambda stored, items: {items[place]: Bought(*entry) for place, *entry in stored},
)
"""Purchases by item."""
SHOWN = Form(list[_Shown], _write_shown, _read_shown, _shown_items)
