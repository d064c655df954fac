"""The clock, passed to all code that needs the time, so that tests can set it instead of waiting."""

from __future__ import annotations

import time


class Clock:
    """The system's clock."""

    def time_ns(self) -> int:
        """Nanoseconds since the epoch."""
        return time.time_ns()

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return self.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds that never go back, counted from an arbitrary moment."""
        return time.monotonic()
