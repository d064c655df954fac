"""Removes the states of users who were not heard of for long, so that state does not grow with everybody who ever came.

Idle is measured by the partition's own time (decision 0013).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable

from operators.state.errors import StateError
from operators.state.user_codec import stored_minute
from streams.clock import Clock
from streams.engine import BatchTable
from streams.stages.event_clock import EventClock
from streams.stages.slow_walk import SlowWalk
from streams.stages.user_cache import MINUTE_MS, UserCache

ROUNDS = 100  # walks within the time that counts as idle
MOST_WAITING = 10_000  # users that the next checkpoint has to write


class UserExpiry:
    """Finds the idle ones among the stored states; ``sweep`` does a little of it."""

    def __init__(
        self, table: BatchTable, users: UserCache, idle_ms: int, on_removed: Callable[[], None], clock: Clock
    ) -> None:
        """``idle_ms`` 0: nobody is ever removed."""
        self._table, self._users, self._idle, self._on_removed = table, users, idle_ms, on_removed
        self._clocks: defaultdict[int, EventClock] = defaultdict(EventClock)
        self._walked: defaultdict[int, int] = defaultdict(int)
        """By partition: its time when its last walk began."""
        self._walk = SlowWalk(table, self._due, self._look, clock)

    def restore(self, partitions: Iterable[int]) -> None:
        """These are the worker's now."""
        self._walk.restore(partitions if self._idle else ())

    def forget(self) -> None:
        """The partitions may belong to others."""
        self._walk.restore(())
        self._walked.clear()
        self._clocks.clear()

    def see(self, partition: int, arrivals: Iterable[tuple[str, int]]) -> None:
        """Users and Kafka times (ms) of the last records of a batch, in order."""
        self._clocks[partition].see(arrivals)

    def sweep(self) -> None:
        """A slice of the walk, if the next checkpoint has not enough to do."""
        if self._users.dirty_count < MOST_WAITING:
            self._walk.slice()

    def _due(self, partition: int) -> bool:
        now = self._clocks[partition].time
        if now < self._walked[partition] + self._idle // ROUNDS:
            return False
        self._walked[partition] = now
        return True

    def _look(self, partition: int, key: bytes, value: bytes) -> None:
        user_id, idle_since = key.decode(), self._clocks[partition].time - self._idle
        if _heard_of(user_id, value) >= idle_since:
            return
        (present,) = self._table.get_many(partition, [key])  # the user may have been here since the row was walked over
        if present is None or _heard_of(user_id, present) >= idle_since:
            return
        if self._users.remove_idle(partition, user_id, idle_since):
            self._on_removed()


def _heard_of(user_id: str, value: bytes) -> float:
    """Milliseconds; a state that cannot be read is left as it is: whoever loads it says what to do."""
    try:
        return stored_minute(user_id, value) * MINUTE_MS
    except StateError:
        return math.inf
