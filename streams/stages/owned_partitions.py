"""Which item partitions this process writes."""

from __future__ import annotations

from collections.abc import Iterable


class OwnedPartitions:
    """Their rows are newest here: the items stage says which they are, the reader of the index leaves them alone."""

    def __init__(self) -> None:
        self._partitions: frozenset[int] = frozenset()

    def take(self, partitions: Iterable[int]) -> None:
        """These, and no others."""
        self._partitions = frozenset(partitions)

    def give_up(self) -> None:
        """None any more."""
        self._partitions = frozenset()

    def __contains__(self, partition: int) -> bool:
        return partition in self._partitions
