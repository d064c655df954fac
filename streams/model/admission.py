"""Decides which records get live text: a token bucket, filled at the model's rate, half of it for important ones."""

from __future__ import annotations

from enum import IntEnum


class Priority(IntEnum):
    """Lower goes first."""

    PURCHASE = 0
    FIRST_OF_SESSION = 1
    OTHER = 2


class Admission:
    """A token bucket: one token is one text.

    >>> admission = Admission(share=1.0)
    >>> [admission.admits(Priority.PURCHASE, rate=1.0, now=at) for at in (0.0, 0.1, 1.0)]
    [True, False, True]
    """

    def __init__(self, share: float, burst: float = 4.0) -> None:
        """``share``: at most this part of all records is admitted; ``burst``: the most tokens that are saved up."""
        self._share, self._burst = share, burst
        self._tokens, self._filled_at = 1.0, 0.0
        self._seen = self._admitted = 0

    def admits(self, priority: Priority, rate: float, now: float) -> bool:
        """Take a token if there is one; half of the bucket is reserved for the higher priorities.

        ``rate``: texts a second that can be written; ``now``: seconds on a monotonic clock.
        """
        self._tokens = min(self._burst, self._tokens + rate * max(0.0, now - self._filled_at))
        self._filled_at = now
        self._seen += 1
        reserve = self._burst / 2 if priority is Priority.OTHER else 0.0
        # The share may be exceeded by one text, so that the first record of a quiet stream can be admitted.
        if self._share <= 0 or self._tokens < 1.0 + reserve or self._admitted >= self._share * self._seen + 1:
            return False
        self._tokens -= 1.0
        self._admitted += 1
        return True
