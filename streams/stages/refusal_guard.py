"""Stops a stage whose producers send too much that cannot be read: `docs/decisions/0026-guard-of-refusals.md`."""

from __future__ import annotations

from collections import deque

from schemas.rejection import Rejection
from streams.errors import StreamError

WINDOW = 1_000


class TooManyRejectionsError(StreamError):
    """So many records were refused that not they, but the producer or this worker must be wrong."""


class RefusalGuard:
    """Watches the share of refused records: over what waited at the start, then over the last 1,000.

    A backlog is read partition by partition, so that its first records say nothing about its share. Therefore it is
    judged as a whole. Where fewer records than the window were seen, the others count as good.
    """

    def __init__(self, stage: str, rate: float, dead_letters: str) -> None:
        """``rate``: the largest share, 0 to 1; ``dead_letters``: the topic that the message names."""
        self.reached: TooManyRejectionsError | None = None
        """Why the stage has to stop behind the records that it has worked on."""
        self._stage, self._rate, self._dead_letters = stage, rate, dead_letters
        self._window = WINDOW
        self._seen = 0
        self._refused: deque[int] = deque()
        """Numbers (in order of arrival, from 0) of the refused ones among the window's records."""

    def expect(self, waiting: int) -> None:
        """At most ``waiting`` records wait in the partitions that were just assigned; 0: they are worked off."""
        if max(waiting, self._window) > WINDOW:
            self._begin(max(waiting, WINDOW))

    def accepted(self) -> None:
        """Count a record that is no fault of its producer."""
        self._seen += 1

    def refused(self, place: str, rejection: Rejection) -> None:
        """Count a malformed record; ``place`` names it."""
        if self._seen >= self._window > WINDOW:
            self._begin(WINDOW)
        self._refused.append(self._seen)
        self._seen += 1
        while self._refused[0] < self._seen - self._window:
            self._refused.popleft()
        if self.reached is None and len(self._refused) > self._rate * self._window:
            self.reached = TooManyRejectionsError(self._message(place, rejection))

    def _begin(self, window: int) -> None:
        self._window, self._seen = window, 0
        self._refused.clear()

    def _message(self, place: str, rejection: Rejection) -> str:
        judged = "the last" if self._window == WINDOW else "the waiting"
        return (
            f"stage {self._stage}: {len(self._refused):,} of {judged} {self._window:,} records were refused, more than "
            f"{self._rate:.1%} (HEADWATER_DEAD_LETTER_RATE), the last one ({place}) because of {rejection.code}: "
            f"{rejection}. The worker stops instead of emptying the topic into the dead letters. What was refused is "
            f"in {self._dead_letters} and acknowledged: started again, the worker goes on behind it. Fix the producer "
            "first, or let such records pass with a higher HEADWATER_DEAD_LETTER_RATE (1: all of them)."
        )
