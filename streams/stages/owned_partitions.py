"""The item partitions that this process writes."""

from __future__ import annotations

from collections.abc import Iterable


class OwnedPartitions:
    """Set by the items stage. The reader of the index skips these partitions, as their rows are newest here."""

    def __init__(self) -> None:
        self._partitions: frozenset[int] = frozenset()

    def take(self, partitions: Iterable[int]) -> None:
        """Set the partitions."""
        self._partitions = frozenset(partitions)

    def give_up(self) -> None:
        """Own none."""
        self._partitions = frozenset()

    def __contains__(self, partition: int) -> bool:
        return partition in self._partitions
