"""What the item side has to learn from a batch of events, as columns, and as messages between the stages.

A message is for one item partition and has a table of the item ids that it names; its columns are raw little-endian
arrays whose item numbers are places in that table plus one (0: none), in the narrowest type that holds them. User
factors travel in half precision, and only for events with an SGD example in the partition.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import DTypeLike, NDArray

from operators.kernels.selection import renumber, select
from operators.state.encoded_ids import EncodedIds
from operators.state.errors import corrupt
from operators.state.item_index import ItemIndex
from operators.state.sealing import seal, unseal

KIND = b"M"
VERSION = 1
MOST_EVENTS = 2_048
"""Events of a round of messages. In a shop of a million items each takes about 250 bytes in each of four partitions: no
message comes close to what a broker takes (one that is too long is made again in halves)."""
_WHAT = "message of item updates"

RETURNED, LOW, BOUGHT, REBOUGHT, COUNTED = 1, 2, 4, 8, 16
"""Bits of `ItemUpdates.marks`. Each of these is set at most once for a user and an item: the user came back to it on
another occasion; rated it low and so speaks for no popularity; bought it, with other items that the user bought as
context; bought it again on another occasion. The last: the user is counted already among the people of the item."""


class ItemUpdates(NamedTuple):
    """e events in order, as one argument of kernels; items are dense numbers of the index that made or unpacked them.

    Event number n has the context items `context[context_start[n]:context_start[n + 1]]` (other distinct items of the
    user's recent history, or purchases for one that is `BOUGHT`) with their ranks (0 the most recent), and the SGD
    examples `sgd_item[sgd_start[n]:sgd_start[n + 1]]` with their coefficients.
    """

    source: NDArray[np.int32]
    """i32[e]: number of the source (topic, or whatever the caller numbers)."""
    offset: NDArray[np.int64]
    """i64[e]: offset of the event in its source."""
    time: NDArray[np.int64]
    """i64[e]: event time, epoch milliseconds."""
    target: NDArray[np.int32]
    """i32[e]: the item; -1 where no row of this partition needs to know it."""
    weight: NDArray[np.float32]
    """f32[e]: weight in counts; 0 for what teaches matrix factorisation alone."""
    marks: NDArray[np.uint8]
    """u8[e]: what else the event says (`RETURNED`, …)."""
    interval: NDArray[np.float32]
    """f32[e]: of one that is `REBOUGHT`, milliseconds since the purchase before; else 0."""
    previous: NDArray[np.int32]
    """i32[e]: the user's item before (-1 none)."""
    context_start: NDArray[np.int32]
    context: NDArray[np.int32]
    context_rank: NDArray[np.uint8]
    user_factors: NDArray[np.float32]
    """f32[e, k]: before the event's step, rounded to half precision (what travels is what is learned)."""
    sgd_start: NDArray[np.int32]
    sgd_item: NDArray[np.int32]
    sgd_coefficient: NDArray[np.float32]

    @property
    def size(self) -> int:
        """How many events."""
        return len(self.target)

    def events(self, first: int, last: int) -> ItemUpdates:
        """The events `first` to `last` (not included)."""
        pairs = slice(int(self.context_start[first]), int(self.context_start[last]))
        examples = slice(int(self.sgd_start[first]), int(self.sgd_start[last]))
        cut: dict[str, NDArray[Any]] = {name: getattr(self, name)[first:last] for name in self._fields}
        cut |= {"context": self.context[pairs], "context_rank": self.context_rank[pairs]}
        cut |= {"sgd_item": self.sgd_item[examples], "sgd_coefficient": self.sgd_coefficient[examples]}
        for name in ("context_start", "sgd_start"):
            start = getattr(self, name)[first : last + 1]
            cut[name] = start - start[0]
        return ItemUpdates(**cut)

    def messages(self, index: ItemIndex, partitions: int, most_bytes: int) -> Iterator[dict[int, bytes]]:
        """As `split`, in as many rounds as it takes for no message of several events to be longer than `most_bytes`.

        To be sent in this order.
        """
        first = 0
        while first < self.size:
            last = self.whole(min(first + MOST_EVENTS, self.size))
            yield from _within(self.events(first, last), index, partitions, most_bytes)
            first = last

    def whole(self, place: int) -> int:
        """The next place from `place` on between two events: a purchase may be two rows, which travel together.

        Who merges messages drops what comes from an offset that another message has brought.
        """
        inside = 0 < place < self.size and self.offset[place] == self.offset[place - 1]
        return place + int(inside and self.source[place] == self.source[place - 1])

    def split(self, index: ItemIndex, partitions: int) -> dict[int, bytes]:
        """Messages by item partition (only those that have anything to learn), events in their order.

        Applying the messages, each with its `partition`, gives the same rows as applying the whole.
        """
        updates, items = _renumbered(self, index)
        where, ids, scratch = index.partition[items], index.names.of(items), _Scratch.for_updates(updates, len(items))
        messages = {partition: _pack(updates, where, ids, partition, scratch) for partition in range(partitions)}
        return {partition: message for partition, message in messages.items() if message is not None}


def _within(updates: ItemUpdates, index: ItemIndex, partitions: int, most_bytes: int) -> Iterator[dict[int, bytes]]:
    messages = updates.split(index, partitions)
    middle = updates.whole(updates.size // 2)
    if middle in (0, updates.size) or max(map(len, messages.values()), default=0) <= most_bytes:
        yield messages
        return
    for half in (updates.events(0, middle), updates.events(middle, updates.size)):
        yield from _within(half, index, partitions, most_bytes)


def unpack(data: bytes, index: ItemIndex) -> ItemUpdates:
    """The updates in a message, with this index's numbers; unknown items are interned.

    Raises `StateCorruptError` and `StateVersionError`.
    """
    payload = unseal(_WHAT, KIND, VERSION, data)
    try:
        message = _decoder.decode(payload)
        return _unpacked(message, index)
    except (msgspec.DecodeError, ValueError, IndexError) as error:
        raise corrupt(_WHAT, str(error)) from error


class _Message(msgspec.Struct, array_like=True):
    """Format 1."""

    ids: msgspec.Raw
    factors: int
    source: bytes
    offset: bytes
    time: bytes
    target: bytes
    weight: bytes
    marks: bytes
    previous: bytes
    context_count: bytes
    context: bytes
    context_rank: bytes
    user_factors: bytes
    sgd_count: bytes
    sgd_item: bytes
    sgd_coefficient: bytes
    interval: bytes = b""
    """Empty where all are 0."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Message)


@dataclass(frozen=True, slots=True)
class _Scratch:
    """Output arrays of `select`, large enough for any partition."""

    events: NDArray[np.int32]
    target: NDArray[np.int32]
    previous: NDArray[np.int32]
    context_count: NDArray[np.uint8]
    context: NDArray[np.int32]
    context_rank: NDArray[np.uint8]
    sgd_count: NDArray[np.uint8]
    sgd_item: NDArray[np.int32]
    sgd_coefficient: NDArray[np.float32]
    mark: NDArray[np.int32]
    named: NDArray[np.int32]

    @classmethod
    def for_updates(cls, updates: ItemUpdates, items: int) -> _Scratch:
        events, pairs, examples = updates.size, len(updates.context), len(updates.sgd_item)
        return cls(
            np.empty(events, np.int32), np.empty(events, np.int32), np.empty(events, np.int32),
            np.empty(events, np.uint8), np.empty(pairs, np.int32), np.empty(pairs, np.uint8),
            np.empty(events, np.uint8), np.empty(examples, np.int32), np.empty(examples, np.float32),
            np.zeros(items, np.int32), np.empty(items, np.int32),
        )  # fmt: skip


def _renumbered(updates: ItemUpdates, index: ItemIndex) -> tuple[ItemUpdates, NDArray[np.int32]]:
    """The updates with places in the second array in place of the index's numbers."""
    numbers = np.concatenate((updates.target, updates.previous, updates.context, updates.sgd_item))
    items = np.empty(len(numbers), np.int32)
    count = renumber(numbers, index.mark, items)
    events, examples = updates.size, len(numbers) - len(updates.sgd_item)
    target, previous = numbers[:events], numbers[events : 2 * events]
    context, sgd_item = numbers[2 * events : examples], numbers[examples:]
    return updates._replace(target=target, previous=previous, context=context, sgd_item=sgd_item), items[:count]


def _pack(updates: ItemUpdates, where: NDArray[np.int16], ids: EncodedIds, partition: int, s: _Scratch) -> bytes | None:
    taken, pairs, examples, names = select(
        updates.target, updates.weight, updates.marks, updates.previous, updates.context_start, updates.context,
        updates.context_rank, updates.sgd_start, updates.sgd_item, updates.sgd_coefficient, where,
        partition, s.mark, s.events, s.target, s.previous, s.context_count, s.context, s.context_rank,
        s.sgd_count, s.sgd_item, s.sgd_coefficient, s.named,
    )  # fmt: skip
    if taken == 0:
        return None
    events = s.events[:taken]
    local = _local_type(names)
    with_factors = events[s.sgd_count[:taken] > 0]
    interval = updates.interval[events]
    message = _Message(
        ids.array(s.named[:names]),
        updates.user_factors.shape[1],
        updates.source[events].tobytes(),
        updates.offset[events].tobytes(),
        updates.time[events].tobytes(),
        s.target[:taken].astype(local).tobytes(),
        updates.weight[events].tobytes(),
        updates.marks[events].tobytes(),
        s.previous[:taken].astype(local).tobytes(),
        s.context_count[:taken].tobytes(),
        s.context[:pairs].astype(local).tobytes(),
        s.context_rank[:pairs].tobytes(),
        updates.user_factors[with_factors].astype(np.float16).tobytes(),
        s.sgd_count[:taken].tobytes(),
        s.sgd_item[:examples].astype(local).tobytes(),
        s.sgd_coefficient[:examples].tobytes(),
        interval.tobytes() if interval.any() else b"",
    )
    return seal(KIND, VERSION, _encoder.encode(message))


def _unpacked(message: _Message, index: ItemIndex) -> ItemUpdates:
    if message.factors != index.parameters.factors:
        raise ValueError(
            f"it has {message.factors} factors, this process {index.parameters.factors}: workers of one namespace "
            "must have the same parameters"
        )
    items = index.intern_encoded(message.ids)
    numbers = np.concatenate((np.array([-1], np.int32), items))
    local = _local_type(len(items))
    offset = np.frombuffer(message.offset, np.int64).copy()
    sgd_start = _starts(message.sgd_count)
    with_factors = np.diff(sgd_start) > 0
    user_factors = np.zeros((len(offset), message.factors), np.float32)
    vectors = np.frombuffer(message.user_factors, np.float16).reshape(-1, message.factors)
    if len(vectors) != np.count_nonzero(with_factors):
        raise ValueError("it does not have one user vector for each event with examples")
    user_factors[with_factors] = vectors
    updates = ItemUpdates(
        source=np.frombuffer(message.source, np.int32).copy(),
        offset=offset,
        time=np.frombuffer(message.time, np.int64).copy(),
        target=numbers[np.frombuffer(message.target, local)],
        weight=np.frombuffer(message.weight, np.float32).copy(),
        marks=np.frombuffer(message.marks, np.uint8).copy(),
        interval=np.frombuffer(message.interval or bytes(4 * len(offset)), np.float32).copy(),
        previous=numbers[np.frombuffer(message.previous, local)],
        context_start=_starts(message.context_count),
        context=numbers[np.frombuffer(message.context, local)],
        context_rank=np.frombuffer(message.context_rank, np.uint8).copy(),
        user_factors=user_factors,
        sgd_start=sgd_start,
        sgd_item=numbers[np.frombuffer(message.sgd_item, local)],
        sgd_coefficient=np.frombuffer(message.sgd_coefficient, np.float32).copy(),
    )
    _check_lengths(updates)
    return updates


def _check_lengths(updates: ItemUpdates) -> None:
    events = updates.size
    columns = (
        updates.source, updates.offset, updates.time, updates.weight, updates.marks, updates.interval, updates.previous,
    )  # fmt: skip
    starts = (updates.context_start, updates.sgd_start)
    if any(len(column) != events for column in columns) or any(len(start) != events + 1 for start in starts):
        raise ValueError("its columns differ in length")
    pairs, examples = int(updates.context_start[-1]), int(updates.sgd_start[-1])
    if (len(updates.context), len(updates.context_rank)) != (pairs, pairs):
        raise ValueError("it does not have as many context items as it counts")
    if (len(updates.sgd_item), len(updates.sgd_coefficient)) != (examples, examples):
        raise ValueError("it does not have as many examples as it counts")


def _local_type(names: int) -> DTypeLike:
    return np.uint8 if names < 1 << 8 else np.uint16 if names < 1 << 16 else np.uint32


def _starts(counts: bytes) -> NDArray[np.int32]:
    starts = np.zeros(len(counts) + 1, np.int32)
    np.cumsum(np.frombuffer(counts, np.uint8), out=starts[1:])
    return starts
