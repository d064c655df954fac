"""Items that turn up in events after their catalogue record had deleted or withdrawn them.

The catalog stage makes no row for an item of which nothing is known, it only marks it in its table. Where the mark was
made in this process, the index knows it (`ItemIndex.absent`). After a restart, or where another worker learned of the
item, it is found here, within about a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from operators.state.item_index import ItemIndex
from streams.clock import Clock
from streams.stages.catalog_marks import mark_of

EVERY = 1.0  # seconds between two looks
AT_ONCE = 500

Stored = Callable[[int, Sequence[bytes]], Iterable[bytes | None]]
"""What the table holds of keys of a partition."""


class Latecomers:
    """Looks at each item once that is known from events alone."""

    def __init__(self, index: ItemIndex, stored: Stored, clock: Clock) -> None:
        self._index, self._stored, self._clock = index, stored, clock
        self._found: list[tuple[int, bytes, bytes]] = []
        self.restore(())

    def restore(self, partitions: Iterable[int]) -> None:
        """Begin anew with these partitions; none after a revocation."""
        self._partitions = np.array(sorted(partitions), np.int16)
        self._looked = np.zeros(0, np.bool_)
        self._looked_at, self._resets = 0.0, self._index.resets
        self._found.clear()

    def look(self) -> None:
        """Look at some items, once a second."""
        index, now = self._index, self._clock.monotonic()
        if not len(self._partitions) or now - self._looked_at < EVERY:
            return
        self._looked_at = now
        if self._resets != index.resets or len(self._looked) < index.capacity:
            kept = self._looked if self._resets == index.resets else np.zeros(0, np.bool_)
            self._looked = np.zeros(index.capacity, np.bool_)
            self._looked[: len(kept)] = kept
            self._resets = index.resets
        size = index.size
        known = index.cataloged[:size] | index.deleted[:size] | index.withdrawn[:size] | self._looked[:size]
        rows = np.flatnonzero(index.learned[:size] & ~known)
        rows = rows[np.isin(index.partition[rows], self._partitions)][:AT_ONCE]
        self._looked[rows] = True
        for partition in set(index.partition[rows].tolist()):
            keys = [index.ids[row].encode() for row in rows[index.partition[rows] == partition].tolist()]
            for key, value in zip(keys, self._stored(partition, keys), strict=True):
                mark = mark_of(value)
                if mark is not None:
                    self._found.append((partition, key, mark.state))

    def found(self) -> list[tuple[int, bytes, bytes]]:
        """Partition, key and state of the marks that were found since the last call."""
        found, self._found = self._found, []
        return found
