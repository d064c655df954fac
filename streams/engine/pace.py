"""When several records at once are worth a short wait.

A lap of the stage costs much the same for one record as for a few, and so does a fetch for client and broker. At low rates
a record is worked on the moment it comes; once many come, the broker may hold them back until there are a few.
"""

from __future__ import annotations

from streams.clock import Clock

SLOW, FAST = 400, 600
"""Records a second: fast from more than `FAST` on, slow again from `SLOW` down, so not back and forth."""
LOOK_SECONDS = 2.0


class Pace:
    """Follows the rate at which records come."""

    def __init__(self, clock: Clock) -> None:
        self.fast = False
        self._clock = clock
        self._since, self._records = clock.monotonic(), 0

    def changes(self, records: int) -> bool:
        """So many more have come; whether ``fast`` is another one now."""
        self._records += records
        seconds = self._clock.monotonic() - self._since
        if seconds < LOOK_SECONDS:
            return False
        before, self.fast = self.fast, self._records > seconds * (SLOW if self.fast else FAST)
        self._since, self._records = self._since + seconds, 0
        return self.fast != before
