"""A batch: records of one partition that move together. A group: the batches that a stage works on at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from faust.types import TP


class RecordBatch:
    """Consecutive records of one partition (offset, timestamp ms, key, value), parsed by the client that fetched them.

    ``origin`` identifies the assignment (of a source) or the seek (of a changelog) that the records were read under.
    After the next one the batch is void: its records are read again. ``previous`` is the last offset handed out before
    this batch under the same origin (None: the first batch).
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
    """Batches that a stage works on at once, in the order in which they were read."""

    __slots__ = ("batches",)

    def __init__(self, batches: list[RecordBatch]) -> None:
        self.batches = batches

    def __iter__(self) -> Iterator[RecordBatch]:
        return iter(self.batches)

    def end_with(self, batch: RecordBatch) -> None:
        """Leave out the batches behind ``batch``: they are not worked on, and not acknowledged."""
        self.batches = self.batches[: self.batches.index(batch) + 1]

    @property
    def records(self) -> int:
        """How many records there are in all batches."""
        return sum(map(len, self.batches))
