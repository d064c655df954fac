"""A run of records of one partition: what travels in place of a message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from faust.types import TP


class RecordBatch:
    """Consecutive records of one partition (offset, timestamp ms, key, value), parsed by librdkafka or, of a changelog, by aiokafka.

    ``previous`` is the last offset handed out before this batch since the last seek (None: the first), ``epoch`` the
    number of seeks and revocations before it: a batch of an older epoch comes again and must not be worked on or acknowledged.
    """

    __slots__ = ("epoch", "first", "last", "previous", "records", "tp")

    def __init__(self, tp: TP, records: Sequence[Any], *, epoch: int, previous: int | None) -> None:
        self.tp = tp
        self.records = records
        self.first: int = records[0].offset
        self.last: int = records[-1].offset
        self.epoch = epoch
        self.previous = previous

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.records)
