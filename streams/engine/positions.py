"""How far the sources of one assignment have come: handed out, worked on, committed.

The commit position of a partition is the end of its longest durable prefix of *batches*: holes between offsets
(transaction markers, compaction) mean nothing to it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from faust.types import TP

from streams.clock import Clock
from streams.engine.batch import RecordBatch
from streams.engine.errors import BatchHoleError, LogReplacedError, log_replaced


@dataclass(slots=True)
class _Place:
    """One partition."""

    start: int | None
    """Committed offset that it was read from; None: its beginning."""
    handed: int | None = None
    """Last offset that was handed out."""
    begun: int | None = None
    """Last offset that the stage has begun to work on."""
    under_way: deque[int] = field(default_factory=deque)
    """Last offsets of the batches that are not durable yet, in order."""
    durable: set[int] = field(default_factory=set)
    """Those of them that are, behind one that is not."""
    covered: int | None = None
    """The commit position that was reached."""
    committed: int | None = None
    end: int | None = None
    """Where it ended when nothing was behind the last record; behind transaction markers, unlike last record + 1."""
    highwater: int | None = None
    """Where it ends, open transactions included; up to a second late."""
    waiting_since: float = 0.0
    """Monotonic time since when something waits for the next commit."""

    @property
    def uncommitted(self) -> bool:
        return bool(self.under_way) or self.covered != self.committed


class SourcePositions:
    """Made when the sources of an assignment are opened, and dropped with it: what refers to an older one is void."""

    def __init__(self, starts: Mapping[TP, int | None], clock: Clock) -> None:
        self._places = {tp: _Place(start) for tp, start in starts.items()}
        self._clock = clock

    # ---- records
    def hand_out(self, tp: TP, records: Sequence[Any]) -> RecordBatch:
        """The next records of a partition as a batch.

        Raises :class:`LogReplacedError` where offsets go back.
        """
        place = self._places[tp]
        batch = RecordBatch(tp, records, origin=self, previous=place.handed)
        if place.handed is not None and batch.first <= place.handed:
            raise LogReplacedError(log_replaced(tp.topic, tp.partition, place.handed, batch.first))
        if not place.uncommitted:
            place.committed, place.waiting_since = batch.first, self._clock.monotonic()
        if not place.under_way:
            place.covered = batch.first  # there is nothing between the batch before and this one
        place.handed = batch.last
        place.under_way.append(batch.last)
        return batch

    def begin(self, batch: RecordBatch) -> None:
        """The stage begins to work on a batch, which has to follow the one before.

        Raises :class:`BatchHoleError`: applied offsets in states would make a lost batch invisible for ever.
        """
        place = self._places[batch.tp]
        if batch.previous != place.begun:
            raise BatchHoleError(
                f"{batch.tp.topic}-{batch.tp.partition}: expected the batch behind offset {place.begun}, got the one "
                f"behind {batch.previous}. This is a fault of the worker, nothing was committed: restart it, and report "
                "this line."
            )
        place.begun = batch.last

    def settle(self, batches: Iterable[RecordBatch]) -> None:
        """Batches are worked on and durable: the next commit may contain them. Those of another assignment come again."""
        for batch in batches:
            if batch.origin is self:
                self._settle(self._places[batch.tp], batch.last)

    def _settle(self, place: _Place, last: int) -> None:
        place.durable.add(last)
        while place.under_way and place.under_way[0] in place.durable:
            place.durable.discard(first := place.under_way.popleft())
            place.covered = first + 1

    # ---- commits
    def to_commit(self) -> dict[TP, int]:
        """Commit positions that the broker does not have yet."""
        return {
            tp: place.covered
            for tp, place in self._places.items()
            if place.covered is not None and place.covered != place.committed
        }

    def committed(self, offsets: Mapping[TP, int]) -> None:
        """The broker has them."""
        now = self._clock.monotonic()
        for tp, offset in offsets.items():
            place = self._places[tp]
            place.committed, place.waiting_since = offset, now

    # ---- figures
    def see(self, ends: Mapping[TP, int], highwaters: Mapping[TP, int]) -> None:
        """Take what the reader learned of where partitions end."""
        for tp, end in ends.items():
            self._places[tp].end = end
        for tp, highwater in highwaters.items():
            self._places[tp].highwater = highwater

    def done(self, tp: TP) -> int | None:
        """Offset up to which a partition is worked on and durable, None where nothing of it is known."""
        place = self._places.get(tp)
        if place is None or place.under_way:
            return None if place is None else place.covered
        return max((at for at in (place.end, place.covered, place.start) if at is not None), default=None)

    def highwater(self, tp: TP) -> int | None:
        """Where a partition ends, None while that is not known."""
        place = self._places.get(tp)
        return None if place is None else place.highwater

    def uncommitted_since(self, tp: TP) -> float | None:
        """Monotonic time since when records of a partition wait for the next commit, None where none do."""
        place = self._places.get(tp)
        return place.waiting_since if place is not None and place.uncommitted else None
