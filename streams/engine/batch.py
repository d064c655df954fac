"""Records of one partition that move together, and the group of them that a stage works on at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from faust.types import TP


class RecordBatch:
    """Consecutive records of one partition (offset, timestamp ms, key, value), parsed by the client that fetched them.

    ``origin`` is what they were read under: an assignment of sources, a seek of changelogs. Once that is over the batch is
    void, as its records come again. ``previous`` is the last offset handed out before this batch under the same
    origin (None: the first).
    """

    __slots__ = ("first", "last", "origin", "previous", "records", "tp")

    def __init__(self, tp: TP, records: Sequence[Any], *, origin: object, previous: int | None = None) -> None:
        self.tp = tp
        self.records = records
        self.first: int = records[0].offset
        self.last: int = records[-1].offset
        self.origin = origin
        self.previous = previous

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.records)


class Group:
    """Batches that a stage works on at once, the oldest first."""

    __slots__ = ("batches",)

    def __init__(self, batches: list[RecordBatch]) -> None:
        self.batches = batches

    def __iter__(self) -> Iterator[RecordBatch]:
        return iter(self.batches)

    @property
    def records(self) -> int:
        """How many records there are in all batches."""
        return sum(map(len, self.batches))
