"""Which records are worth the language model: a token bucket filled at the rate that it really writes.

What is not admitted leaves at once with a frame, so the line before the model stays short and deadlines are met.
"""

from __future__ import annotations

from enum import IntEnum


class Priority(IntEnum):
    """What a record answers, the most worth last."""

    CLICK = 0
    SEARCH = 1
    FIRST_OF_SESSION = 2
    PURCHASE = 3


_RESERVED = {Priority.CLICK: 0.5, Priority.SEARCH: 0.25, Priority.FIRST_OF_SESSION: 0.0, Priority.PURCHASE: 0.0}
"""Share of the bucket that this priority leaves to higher ones."""

_SHARE_BURST = 10.0


class Admission:
    """A token a text: filled at ``rate`` a second up to ``burst_seconds`` of it, at least one token.

    Args:
        share: largest share of all records that is admitted, over time; 0 admits none.
        burst_seconds: how much unused rate is kept.
        max_burst: tokens that the bucket never exceeds.
    """

    def __init__(self, share: float = 1.0, burst_seconds: float = 2.0, max_burst: float = 32.0) -> None:
        self._share = share
        self._burst_seconds = burst_seconds
        self._max_burst = max_burst
        self._rate = 0.0
        self._tokens = 0.0
        self._allowance = min(1.0, share * _SHARE_BURST)
        self._now: float | None = None

    @property
    def capacity(self) -> float:
        """Tokens that the bucket holds at the present rate."""
        return min(self._max_burst, max(1.0, self._rate * self._burst_seconds)) if self._rate > 0 else 0.0

    def update(self, rate: float) -> None:
        """Set the rate, in texts a second: what the narrators write now, 0 while no model is ready."""
        self._rate = max(0.0, rate)
        self._tokens = min(self._tokens, self.capacity)

    def admit(self, now: float, priority: Priority) -> bool:
        """Whether this record goes to the model; to be asked once a record. ``now`` is seconds of a monotonic clock."""
        self._fill(now)
        self._allowance = min(_SHARE_BURST, self._allowance + self._share)
        needed = 1.0 + _RESERVED[priority] * max(0.0, self.capacity - 1.0)
        if self._tokens < needed or self._allowance < 1.0:
            return False
        self._tokens -= 1.0
        self._allowance -= 1.0
        return True

    def _fill(self, now: float) -> None:
        elapsed = 0.0 if self._now is None else max(0.0, now - self._now)
        self._now = now
        self._tokens = min(self.capacity, self._tokens + elapsed * self._rate)
