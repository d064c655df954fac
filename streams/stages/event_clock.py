"""How far the event time of a partition has come, by the Kafka times of its records."""

from __future__ import annotations

from collections.abc import Iterable

SUPPORT = 8
"""Different keys in a row that have to agree: one producer's clock that is years ahead moves nothing."""


class EventClock:
    """The time that ``SUPPORT`` different keys in a row have all reached; 0 until so many were seen. Never goes back.

    In a log that is read again it is the log's time, not the wall clock's.
    """

    def __init__(self) -> None:
        self.time = 0
        self._recent: dict[str, int] = {}

    def see(self, records: Iterable[tuple[str, int]]) -> None:
        """Take (key, milliseconds) of records in their order; the last few of many are enough."""
        recent = self._recent
        for key, time in records:
            recent.pop(key, None)
            recent[key] = time
            if len(recent) > SUPPORT:
                del recent[next(iter(recent))]
        if len(recent) == SUPPORT:
            self.time = max(self.time, min(recent.values()))
