"""The time of a partition, as the Kafka timestamps of its records tell it."""

from __future__ import annotations

from collections.abc import Iterable

SUPPORT = 8
"""So many different keys in a row have to agree, so that one producer's clock that is years ahead has no effect."""


class EventClock:
    """The time that ``SUPPORT`` different keys in a row have all reached; 0 until so many were seen. Never goes back.

    While old records are read again, it is their time, not the wall clock's.
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
