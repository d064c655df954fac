"""Decides when it is worth waiting a moment so that several records come at once.

A pass of the stage costs much the same for one record as for a few, and so does a fetch for client and broker. At low
rates each record is delivered at once. At high rates the broker may hold records back until there are a few (decision
18).
"""

from __future__ import annotations

from streams.clock import Clock

SLOW, FAST = 400, 600
"""Records a second: fast above `FAST`, slow again at or below `SLOW`. The gap prevents switching back and forth."""
LOOK_SECONDS = 2.0


class Pace:
    """Measures the rate at which records come; ``fast`` is the current answer."""

    def __init__(self, clock: Clock) -> None:
        self.fast = False
        self._clock = clock
        self._since, self._records = clock.monotonic(), 0

    def changes(self, records: int) -> bool:
        """Count new records; returns whether ``fast`` has changed."""
        self._records += records
        seconds = self._clock.monotonic() - self._since
        if seconds < LOOK_SECONDS:
            return False
        before, self.fast = self.fast, self._records > seconds * (SLOW if self.fast else FAST)
        self._since, self._records = self._since + seconds, 0
        return self.fast != before
