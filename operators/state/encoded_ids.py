"""Item ids as MessagePack strings, one behind the other, and a hash table over them.

So messages are written and read without a Python object for each id.

In a large shop an event names dozens of items that no other event of its message names, and each id as an object is
several cache misses away.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numba import njit
from numpy.typing import NDArray

from operators.kernels.counter_rng import mix
from operators.kernels.prefetch import AHEAD, prefetch

_encode = msgspec.msgpack.Encoder().encode
_ITEM = np.uint64(0xFFFFFFFF)


class EncodedIds:
    """Ids as MessagePack strings, one behind the other."""

    def __init__(self, encoded: NDArray[np.uint8], end: NDArray[np.int64]) -> None:
        """Id number n is encoded[end[n]:end[n + 1]]."""
        self._encoded = encoded
        self._end = end

    def array(self, numbers: NDArray[np.int32]) -> msgspec.Raw:
        """A MessagePack array of these ids."""
        return _array(numbers, self._encoded, self._end)


class ItemNames:
    """Encoded ids by item number; grows by `append`."""

    def __init__(self) -> None:
        self._bytes = np.zeros(4096, np.uint8)
        self._end = np.zeros(257, np.int64)
        """`_end[n]`: where id number n - 1 ends and n begins."""
        self._slots = np.zeros(1024, np.uint64)
        """Open addressing: number + 1 of an item in the lower half, 0 where there is none; in the upper half that of
        its hash, so that a look-up passes over other ids without going to them."""
        self._count = 0

    def append(self, item_id: str) -> None:
        """The id of the next item."""
        encoded = _encode(item_id)
        first = int(self._end[self._count])
        last = first + len(encoded)
        while last > len(self._bytes):
            self._bytes = np.concatenate((self._bytes, np.zeros_like(self._bytes)))
        if self._count + 1 == len(self._end):
            self._end = np.concatenate((self._end, np.zeros_like(self._end)))
        self._bytes[first:last] = np.frombuffer(encoded, np.uint8)
        self._count += 1
        self._end[self._count] = last
        if 2 * self._count > len(self._slots):
            self._slots = np.zeros(2 * len(self._slots), np.uint64)
            _fill(self._bytes, self._end, 0, self._count, self._slots)
        else:
            _fill(self._bytes, self._end, self._count - 1, self._count, self._slots)

    def of(self, items: NDArray[np.int32]) -> EncodedIds:
        """The items' ids close together, by place in `items`."""
        return EncodedIds(*_copy(items, self._bytes, self._end))

    def array(self, items: NDArray[np.int32]) -> msgspec.Raw:
        """A MessagePack array of the items' ids."""
        return _array(items, self._bytes, self._end)

    def find(self, array: msgspec.Raw) -> NDArray[np.int32] | None:
        """Numbers of the ids in a MessagePack array.

        None where one of them is unknown (or has the hash of another one), or it is no array of ids.
        """
        data = np.frombuffer(array, np.uint8)
        first, count = _array_of(data)
        if max(first, count) > len(data):
            return None
        items = np.empty(count, np.int32)
        return items if _find(data, first, self._bytes, self._end, self._slots, items) else None


def _array(numbers: NDArray[np.int32], encoded: NDArray[np.uint8], end: NDArray[np.int64]) -> msgspec.Raw:
    return msgspec.Raw(_array_header(len(numbers)) + _copy(numbers, encoded, end)[0].tobytes())


def _array_of(data: NDArray[np.uint8]) -> tuple[int, int]:
    """Where the elements of a MessagePack array begin, and how many there are; more than there are bytes: no array."""
    kind = int(data[0])
    if kind & 0xF0 == 0x90:
        return 1, kind & 0x0F
    width = {0xDC: 2, 0xDD: 4}.get(kind)
    return (1, len(data) + 1) if width is None else (1 + width, int.from_bytes(data[1 : 1 + width].tobytes(), "big"))


def _array_header(count: int) -> bytes:
    if count < 16:
        return bytes((0x90 | count,))
    return b"\xdc" + count.to_bytes(2, "big") if count < 1 << 16 else b"\xdd" + count.to_bytes(4, "big")


@njit(cache=True, nogil=True)
def _copy(items, encoded, end):  # type: ignore[no-untyped-def]
    """The items' ids one behind the other, and where each ends, behind a 0."""
    count = len(items)
    start = np.empty(count, np.int64)
    new_end = np.zeros(count + 1, np.int64)
    for place in range(count):
        if place + AHEAD < count:
            prefetch(end, items[place + AHEAD])
        start[place] = end[items[place]]
        new_end[place + 1] = new_end[place] + end[items[place] + 1] - start[place]
    out = np.empty(new_end[count], np.uint8)
    for place in range(count):
        if place + AHEAD < count:
            prefetch(encoded, start[place + AHEAD])
        shift = start[place] - new_end[place]
        for at in range(new_end[place], new_end[place + 1]):
            out[at] = encoded[at + shift]
    return out, new_end


@njit(cache=True, nogil=True, inline="always")
def _hash(data, first, last):  # type: ignore[no-untyped-def]
    """FNV-1a with a last mix: its low bits choose the slot."""
    value = np.uint64(0xCBF29CE484222325)
    for place in range(first, last):
        value = (value ^ np.uint64(data[place])) * np.uint64(0x100000001B3)
    return mix(value)


@njit(cache=True, nogil=True)
def _fill(encoded, end, first, last, slots):  # type: ignore[no-untyped-def]
    mask = np.uint64(len(slots) - 1)
    for item in range(first, last):
        hashed = _hash(encoded, end[item], end[item + 1])
        slot = hashed & mask
        while slots[slot]:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = (hashed & ~_ITEM) | np.uint64(item + 1)


@njit(cache=True, nogil=True, inline="always")
def _probe(slots, slot, hashed):  # type: ignore[no-untyped-def]
    """The first slot from this one on with this hash's upper half, or an empty one."""
    mask = np.uint64(len(slots) - 1)
    slot &= mask
    while slots[slot] and (slots[slot] ^ hashed) > _ITEM:
        slot = (slot + np.uint64(1)) & mask
    return slot


@njit(cache=True, nogil=True, inline="always")
def _item_in(slots, slot):  # type: ignore[no-untyped-def]
    """The slot's item, -1 where it is empty."""
    return np.int64(slots[slot] & _ITEM) - 1


@njit(cache=True, nogil=True)
def _find(data, first, encoded, end, slots, items):  # type: ignore[no-untyped-def]
    """In passes that ask for places in memory in advance, so that the processor waits for many of them at once."""
    count = len(items)
    start = np.empty(count + 1, np.int64)
    hashes = np.empty(count, np.uint64)
    begin = np.empty(count, np.int64)
    mask = np.uint64(len(slots) - 1)
    start[0] = first
    if not _read(data, start, hashes):
        return False
    for number in range(count):
        if number + AHEAD < count:
            prefetch(slots, hashes[number + AHEAD] & mask)
        items[number] = _item_in(slots, _probe(slots, hashes[number], hashes[number]))
        if items[number] < 0:
            return False
    for number in range(count):
        if number + AHEAD < count:
            prefetch(end, items[number + AHEAD])
        begin[number] = end[items[number]]
    for number in range(count):
        if number + AHEAD < count:
            prefetch(encoded, begin[number + AHEAD])
        if not _same(data, start[number], start[number + 1], encoded, begin[number]):
            return False
    return True


@njit(cache=True, nogil=True)
def _read(data, start, hashes):  # type: ignore[no-untyped-def]
    """Where each MessagePack string behind the first one begins, and all hashes; False where it is no string or more
    follows."""
    for number in range(len(hashes)):
        at = start[number]
        if at >= len(data):
            return False
        kind = data[at]
        if kind & 0xE0 == 0xA0:
            size = 1 + np.int64(kind & 0x1F)
        elif kind == 0xD9 and at + 1 < len(data):
            size = 2 + np.int64(data[at + 1])
        elif kind == 0xDA and at + 2 < len(data):
            size = 3 + (np.int64(data[at + 1]) << 8) + np.int64(data[at + 2])
        else:
            return False
        if at + size > len(data):
            return False
        start[number + 1] = at + size
        hashes[number] = _hash(data, at, at + size)
    return start[len(hashes)] == len(data)


@njit(cache=True, nogil=True, inline="always")
def _same(data, first, last, encoded, begin):  # type: ignore[no-untyped-def]
    """Whether the same string begins at both places; its first bytes tell its length."""
    for place in range(last - first):  # noqa: SIM110
        if data[first + place] != encoded[begin + place]:
            return False
    return True
