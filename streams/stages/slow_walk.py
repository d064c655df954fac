"""A walk over all rows of a table in small slices, for periodic work that is not urgent."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator

from streams.clock import Clock
from streams.engine import BatchTable

SLICE = 0.0003  # seconds of work, a few times a second
LEAST = 8
"""The fewest steps of a slice: on a busy machine its time may be over before the work begins."""


class SlowWalk:
    """Walks over the partitions that are due, one after the other."""

    def __init__(
        self, table: BatchTable, due: Callable[[int], bool], look: Callable[[int, bytes, bytes], None], clock: Clock
    ) -> None:
        """``due`` says whether to walk over a partition now; ``look`` gets partition, key and value of each row."""
        self._table, self._due, self._look, self._clock = table, due, look, clock
        self._partitions: tuple[int, ...] = ()
        self._partition = -1
        self._rows: Iterator[tuple[bytes, bytes]] = iter(())

    def restore(self, partitions: Iterable[int]) -> None:
        """Begin anew with these partitions; none after a revocation."""
        self._partitions, self._rows = tuple(partitions), iter(())

    def slice(self) -> None:
        """Look at as many rows as a slice has time for."""
        until = self._clock.monotonic() + SLICE
        for step in itertools.count():
            if step >= LEAST and self._clock.monotonic() >= until:
                return
            row = next(self._rows, None)
            if row is not None:
                self._look(self._partition, *row)
            elif not self._begin():
                return

    def _begin(self) -> bool:
        """Begin with the first due partition. It moves to the end: when all are always due, each must have its turn."""
        for position, partition in enumerate(self._partitions):
            if self._due(partition):
                self._partitions = (*self._partitions[:position], *self._partitions[position + 1 :], partition)
                self._partition, self._rows = partition, self._table.walk(partition)
                return True
        return False
