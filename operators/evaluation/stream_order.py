"""Whether a log is what an evaluation must assume: in time order, every line once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class StreamOrder:
    """Counts lines that are older than a line before them, and exact duplicates.

    >>> order = StreamOrder()
    >>> for line, time_ms in enumerate((1_000, 5_000, 2_000), start=1):
    ...     order.note_time(line, time_ms)
    >>> order.late_figures()
    {'lines': 1, 'first_line': 3, 'first_seconds': 3.0, 'most_seconds': 3.0}
    """

    newest_ms: int | None = None
    late: int = 0
    first_late_line: int | None = None
    first_late_ms: int = 0
    most_late_ms: int = 0
    duplicates: int = 0
    first_duplicate_line: int | None = None

    def note_time(self, line: int, time_ms: int) -> None:
        """Take the time of the next line in file order."""
        if self.newest_ms is None or time_ms >= self.newest_ms:
            self.newest_ms = time_ms
            return
        by = self.newest_ms - time_ms
        self.late += 1
        self.most_late_ms = max(self.most_late_ms, by)
        if self.first_late_line is None:
            self.first_late_line, self.first_late_ms = line, by

    def note_duplicate(self, line: int) -> None:
        """Take a line that repeats an earlier one exactly."""
        self.duplicates += 1
        if self.first_duplicate_line is None:
            self.first_duplicate_line = line

    def late_figures(self) -> dict[str, float | int | None]:
        """`lines`, and where there are any: `first_line`, `first_seconds`, `most_seconds` behind the newest."""
        known = self.first_late_line is not None
        return {
            "lines": self.late,
            "first_line": self.first_late_line,
            "first_seconds": self.first_late_ms / 1000 if known else None,
            "most_seconds": self.most_late_ms / 1000 if known else None,
        }

    def duplicate_figures(self) -> dict[str, float | int | None]:
        """`lines`, `first_line`."""
        return {"lines": self.duplicates, "first_line": self.first_duplicate_line}
