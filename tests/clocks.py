"""A clock that stands still until it is turned."""

from __future__ import annotations

from streams.clock import Clock


class TurnedClock(Clock):
    """Both times go on together; ``ticks`` is how far they go on by themselves at each look at the monotonic one."""

    def __init__(self, seconds: float = 1000.0, ticks: float = 0.0) -> None:
        self.seconds, self.ticks = seconds, ticks

    def turn(self, seconds: float) -> None:
        self.seconds += seconds

    def time_ns(self) -> int:
        return int(self.seconds * 1e9)

    def monotonic(self) -> float:
        self.seconds += self.ticks
        return self.seconds
