"""Progress in the source partitions of one assignment: handed out, begun, durable, committed.

A partition may be committed up to the end of its longest prefix of durable *batches*. Counting batches, not offsets,
leaves room for gaps between offsets, which transaction markers and compaction make.
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
    """Progress in one partition."""

    start: int | None
    """Committed offset at which reading began; None: the partition's beginning."""
    handed: int | None = None
    """Last offset that was handed out."""
    begun: int | None = None
    """Last offset that the stage has begun to work on."""
    under_way: deque[int] = field(default_factory=deque)
    """Last offset of each batch that was handed out and is not covered yet, in order."""
    durable: set[int] = field(default_factory=set)
    """Those of ``under_way`` that are durable, but follow one that is not."""
    covered: int | None = None
    """The offset that may be committed."""
    committed: int | None = None
    end: int | None = None
    """The partition's end when it was last reached; unlike the last record + 1 it is behind transaction markers."""
    highwater: int | None = None
    """The partition's end, open transactions included; up to a second old."""
    waiting_since: float = 0.0
    """Monotonic time since which something waits to be committed."""

    @property
    def uncommitted(self) -> bool:
        return bool(self.under_way) or self.covered != self.committed


class SourcePositions:
    """Made when the sources of an assignment are opened and dropped with it; batches of an older one are void."""

    def __init__(self, starts: Mapping[TP, int | None], clock: Clock) -> None:
        self._places = {tp: _Place(start) for tp, start in starts.items()}
        self._clock = clock

    # ---- records
    def hand_out(self, tp: TP, records: Sequence[Any]) -> RecordBatch:
        """The next records of a partition as a batch; raises :class:`LogReplacedError` if offsets go back."""
        place = self._places[tp]
        batch = RecordBatch(tp, records, origin=self, previous=place.handed)
        if place.handed is not None and batch.first <= place.handed:
            raise LogReplacedError(log_replaced(tp.topic, tp.partition, place.handed, batch.first))
        if not place.uncommitted:
            place.committed, place.waiting_since = batch.first, self._clock.monotonic()
        if not place.under_way:
            place.covered = batch.first  # there are no records between the batch before and this one
        place.handed = batch.last
        place.under_way.append(batch.last)
        return batch

    def begin(self, batch: RecordBatch) -> None:
        """Note that work on a batch begins.

        Raises :class:`BatchHoleError` when it does not follow the one before. A lost batch could never be found later:
        the applied offsets in the states would say that its events were learned.
        """
        place = self._places[batch.tp]
        if batch.previous != place.begun:
            raise BatchHoleError(
                f"{batch.tp.topic}-{batch.tp.partition}: expected the batch behind offset {place.begun}, got the one "
                f"behind {batch.previous}. This is a fault of the worker, nothing was committed: restart it, and "
                "report this line."
            )
        place.begun = batch.last

    def settle(self, batches: Iterable[RecordBatch]) -> None:
        """Note that batches are durable: the next commit may cover them. Ignores those of other assignments."""
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
        """Offsets that may be committed and are not yet."""
        return {
            tp: place.covered
            for tp, place in self._places.items()
            if place.covered is not None and place.covered != place.committed
        }

    def committed(self, offsets: Mapping[TP, int]) -> None:
        """Note that the broker has these offsets."""
        now = self._clock.monotonic()
        for tp, offset in offsets.items():
            place = self._places[tp]
            place.committed, place.waiting_since = offset, now

    # ---- figures
    def see(self, ends: Mapping[TP, int], highwaters: Mapping[TP, int]) -> None:
        """Note the ends of partitions that the reader has seen."""
        for tp, end in ends.items():
            self._places[tp].end = end
        for tp, highwater in highwaters.items():
            self._places[tp].highwater = highwater

    def done(self, tp: TP) -> int | None:
        """Offset up to which a partition's records are durable; None while that is not known."""
        place = self._places.get(tp)
        if place is None or place.under_way:
            return None if place is None else place.covered
        return max((at for at in (place.end, place.covered, place.start) if at is not None), default=None)

    def highwater(self, tp: TP) -> int | None:
        """Where a partition ends; None while that is not known."""
        place = self._places.get(tp)
        return None if place is None else place.highwater

    def uncommitted_since(self, tp: TP) -> float | None:
        """Monotonic time since which records of a partition wait to be committed; None where none do."""
        place = self._places.get(tp)
        return place.waiting_since if place is not None and place.uncommitted else None
