"""Who gets live text: a token bucket filled at the rate that the narrator measures, purchases and new sessions first."""

from __future__ import annotations

from enum import IntEnum


class Priority(IntEnum):
    """Lower goes first."""

    PURCHASE = 0
    FIRST_OF_SESSION = 1
    OTHER = 2


class Admission:
    """Tokens are texts. ``share``: at most this part of all records, on top of the rate; time comes in as an argument."""

    def __init__(self, share: float, burst: float = 4.0) -> None:
        self._share, self._burst = share, burst
        self._tokens, self._filled_at = 1.0, 0.0
        self._seen = self._admitted = 0

    def admits(self, priority: Priority, rate: float, now: float) -> bool:
        """Take a token if there is one; the last half of the bucket is kept for what goes first.

        ``rate``: texts a second that can be written; ``now``: seconds on a monotonic clock.
        """
        self._tokens = min(self._burst, self._tokens + rate * max(0.0, now - self._filled_at))
        self._filled_at = now
        self._seen += 1
        reserve = self._burst / 2 if priority is Priority.OTHER else 0.0
        # One ahead of its share at most, so that the first record of a quiet stream can be admitted; a share of 0 admits none.
        if self._share <= 0 or self._tokens < 1.0 + reserve or self._admitted >= self._share * self._seen + 1:
            return False
        self._tokens -= 1.0
        self._admitted += 1
        return True
