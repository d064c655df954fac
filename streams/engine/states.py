"""The states that a stage has in memory between two checkpoints."""

from __future__ import annotations

import abc
from collections.abc import Iterable, Mapping

from streams.engine.outbox import Outbox
from streams.engine.store import Row


class States(abc.ABC):
    """The decoded states of a stage's partitions. All methods run on the event loop, between two groups."""

    @abc.abstractmethod
    def restore(self, partitions: set[int]) -> None:
        """``partitions`` were assigned to this worker, and their table is recovered."""

    @abc.abstractmethod
    def forget(self) -> None:
        """Drop everything in memory: the partitions may belong to other workers now."""

    @abc.abstractmethod
    def snapshot(self) -> Mapping[int, Iterable[Row]]:
        """The dirty states by partition, encoded (None deletes); they are clean from now on.

        An iterable may encode its rows only when it is consumed, while work goes on. Then a state has to be encoded
        before it changes again, or it must do no harm that it contains later events than the checkpoint covers.
        """

    def dirty_size(self) -> int:
        """Estimated bytes of dirty state."""
        return 0

    def release(self, outbox: Outbox) -> None:  # noqa: B027 - a stage may hold back nothing
        """Put outputs into ``outbox`` that were held back to be sent together.

        Called several times a second, and at the beginning of each checkpoint.
        """

    def due_interval(self, usual: float) -> float:
        """Seconds between two checkpoints; ``usual`` is the configured interval."""
        return usual

    def expect(self, waiting: int) -> None:  # noqa: B027
        """At most ``waiting`` records wait in the sources that were just assigned; 0 once these are worked off."""

    def must_stop(self) -> BaseException | None:
        """Why the stage must stop behind the records that it has worked on; None while it need not.

        Asked after each group. What was worked on is made durable first, so that the next start goes on behind it.
        """
        return None

    def tick(self) -> None:  # noqa: B027 - a stage may have nothing to do
        """Called several times a second, whether partitions are assigned or not."""

    def sweep(self, *, writing: bool) -> None:  # noqa: B027
        """A little of a slow walk over all states. Called several times a second while partitions are assigned.

        ``writing``: whether a checkpoint is being written.
        """


class NoStates(States):
    """For a stage without states: records that were not committed are worked on again."""

    def restore(self, partitions: set[int]) -> None:
        """Nothing to do."""

    def forget(self) -> None:
        """Nothing to do."""

    def snapshot(self) -> Mapping[int, Iterable[Row]]:
        return {}
