"""What a stage has in memory between two checkpoints."""

from __future__ import annotations

import abc
from collections.abc import Iterable, Mapping

from streams.engine.outbox import Outbox
from streams.engine.store import Row


class States(abc.ABC):
    """The decoded states of a stage's partitions. All methods run on the event loop, between two groups."""

    @abc.abstractmethod
    def restore(self, partitions: set[int]) -> None:
        """``partitions`` are this worker's, their table is recovered."""

    @abc.abstractmethod
    def forget(self) -> None:
        """Drop all that is cached: the partitions may belong to others."""

    @abc.abstractmethod
    def snapshot(self) -> Mapping[int, Iterable[Row]]:
        """The dirty states by partition, encoded; they are clean from now on.

        An iterable may encode as it is consumed, while work goes on, where a state is encoded before it is changed again,
        or where one that contains more than the events of this checkpoint does no harm.
        """

    def dirty_size(self) -> int:
        """Estimated bytes of dirty state."""
        return 0

    def release(self, outbox: Outbox) -> None:  # noqa: B027 - a stage may hold back nothing
        """Put outputs into ``outbox`` that were held back to be sent together.

        Called several times a second, and before a checkpoint covers them.
        """

    def due_interval(self, usual: float) -> float:
        """Seconds between two checkpoints, where they are not the usual ones."""
        return usual

    def tick(self) -> None:  # noqa: B027 - a stage may have nothing to do
        """Called several times a second, whether partitions are assigned or not."""

    def sweep(self, *, writing: bool) -> None:  # noqa: B027
        """Called several times a second while partitions are assigned: time for slow walks.

        ``writing``: whether a checkpoint is being written.
        """


class NoStates(States):
    """Of a stage that keeps nothing: what was not committed is worked on again."""

    def restore(self, partitions: set[int]) -> None:
        """There is nothing."""

    def forget(self) -> None:
        """There is nothing."""

    def snapshot(self) -> Mapping[int, Iterable[Row]]:
        return {}
