"""The time, passed in wherever it is needed, so that tests turn it instead of waiting."""

from __future__ import annotations

import time


class Clock:
    """The machine's clock."""

    def time_ns(self) -> int:
        """Nanoseconds since the epoch."""
        return time.time_ns()

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return self.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds that never go back, from an unknown beginning."""
        return time.monotonic()
