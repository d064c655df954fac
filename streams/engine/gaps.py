"""Offsets that are gone before they were read: retention, or somebody who deleted records, has cut the log."""

from __future__ import annotations

from dataclasses import dataclass

from faust.types import TP


@dataclass(frozen=True, slots=True)
class Gap:
    """The offsets from ``first`` up to ``end``, which is the first one behind them."""

    tp: TP
    first: int
    end: int

    @property
    def missing(self) -> int:
        """How many offsets; of records there may have been fewer (compaction and transactions leave holes)."""
        return self.end - self.first
