"""Removes the state of items that were deleted long ago: else state would grow with every item there ever was.

The age is measured by the partition's own time, from the deletion or the last click after it (decision 13).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

import numpy as np

from operators.state.item_index import ItemIndex
from streams.clock import Clock
from streams.stages.slow_walk import SLICE

ROUNDS = 100  # searches within the idle time


class ItemExpiry:
    """Finds rows of long deleted items in the items stage's partitions and resets them to those of unknown items."""

    def __init__(self, index: ItemIndex, idle_ms: int, on_removed: Callable[[], None], clock: Clock) -> None:
        """``idle_ms`` 0: nothing is ever removed."""
        self._index, self._idle, self._on_removed, self._clock = index, idle_ms, on_removed, clock
        self._times: dict[int, int] = {}
        self._looked: defaultdict[int, int] = defaultdict(int)
        """By partition: its time at the last search."""
        self._found: list[tuple[int, int]] = []

    def restore(self, partitions: Iterable[int]) -> None:
        """Begin anew with these partitions; none after a revocation."""
        self._times = dict.fromkeys(partitions, 0)
        self._looked.clear()
        self._found.clear()

    def see(self, partition: int, time_ms: int) -> int:
        """Take the Kafka time of an update; returns the partition's time, which never goes back."""
        self._times[partition] = max(time_ms, self._times.get(partition, 0))
        return self._times[partition]

    def sweep(self, dirty: defaultdict[int, set[int]]) -> None:
        """Reset rows for a fraction of a millisecond and add them to ``dirty``; rows that are dirty already stay.

        Must not be called while a checkpoint is under way: the meta record that covers what a row contained has to be
        durable before the row is removed.
        """
        until = self._clock.monotonic() + SLICE
        while self._clock.monotonic() < until and (self._found or self._look()):
            partition, row = self._found.pop()
            if row not in dirty[partition] and self._index.deleted[row] and self._last(row) < self._since(partition):
                self._index.reset(row)
                dirty[partition].add(row)
                self._on_removed()

    def _look(self) -> bool:
        index = self._index
        for partition, now in self._times.items():
            if not self._idle or now < self._looked[partition] + self._idle // ROUNDS:
                continue
            self._looked[partition] = now
            rows = np.flatnonzero(index.deleted[: index.size] & (index.partition[: index.size] == partition))
            old = rows[np.maximum(index.deleted_at[rows], index.popularity_at[rows]) < self._since(partition)]
            self._found = [(partition, row) for row in old.tolist()]
            return bool(self._found)
        return False

    def _last(self, row: int) -> int:
        return int(max(self._index.deleted_at[row], self._index.popularity_at[row]))

    def _since(self, partition: int) -> int:
        return self._times[partition] - self._idle
