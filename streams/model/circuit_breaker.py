"""When to stop asking something that keeps failing (Nygard, *Release It!*, "Circuit Breaker")."""

from __future__ import annotations


class CircuitBreaker:
    """Opens after ``threshold`` failures in a row; after a pause lets one trial through, longer each time it fails.

    Times are seconds of any monotonic clock, given by the caller.

    >>> breaker = CircuitBreaker(threshold=2, pause=10.0)
    >>> breaker.failed(now=0.0)
    >>> breaker.failed(now=1.0)
    >>> [breaker.allows(now) for now in (5.0, 11.0, 12.0)]
    [False, True, False]
    """

    def __init__(self, threshold: int = 3, pause: float = 15.0, longest_pause: float = 300.0) -> None:
        self._threshold = threshold
        self._first_pause = pause
        self._longest_pause = longest_pause
        self._pause = pause
        self._failures = 0
        self._opened_at: float | None = None
        self._trial = False

    def allows(self, now: float) -> bool:
        """Whether a call may be made.

        The first call after the pause is a trial. Others are refused until its outcome is known, or for another pause
        where it never is (the call was given up before it was made).
        """
        if self._opened_at is None:
            return True
        if now < self._opened_at + self._pause:
            return False
        self._opened_at, self._trial = now, True
        return True

    def succeeded(self) -> None:
        """A call succeeded: close, and reset failures and pause."""
        self._failures, self._opened_at, self._trial, self._pause = 0, None, False, self._first_pause

    def failed(self, now: float) -> None:
        """A call failed, at ``now``."""
        self._failures += 1
        if self._trial:
            self._pause = min(self._pause * 2, self._longest_pause)
        if self._trial or self._failures >= self._threshold:
            self._opened_at, self._trial = now, False

    def is_open(self, now: float) -> bool:
        """Whether calls are refused at ``now`` (false where the next one would be a trial)."""
        return self._opened_at is not None and now < self._opened_at + self._pause
