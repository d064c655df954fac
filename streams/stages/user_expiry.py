"""Removes the states of idle users: else state would grow with every user there ever was.

Idle time is measured by the partition's own time (decision 13).
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

ROUNDS = 100  # walks within the idle time
MOST_WAITING = 10_000  # the walk pauses while the next checkpoint has to write so many users


class UserExpiry:
    """Finds and removes idle users among the stored states, a little at each ``sweep``."""

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
        """Begin with the partitions that were assigned."""
        self._walk.restore(partitions if self._idle else ())

    def forget(self) -> None:
        """Stop: the partitions may belong to other workers now."""
        self._walk.restore(())
        self._walked.clear()
        self._clocks.clear()

    def see(self, partition: int, arrivals: Iterable[tuple[str, int]]) -> None:
        """Users and Kafka times (ms) of the last records of a batch, in order."""
        self._clocks[partition].see(arrivals)

    def sweep(self) -> None:
        """Do a slice of the walk, unless the next checkpoint has much to write."""
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
        (present,) = self._table.get_many(partition, [key])  # the walk's value may be outdated
        if present is None or _heard_of(user_id, present) >= idle_since:
            return
        if self._users.remove_idle(partition, user_id, idle_since):
            self._on_removed()


def _heard_of(user_id: str, value: bytes) -> float:
    """Time of the last event (ms). Infinite for a state that cannot be read: loading it will say what to do."""
    try:
        return stored_minute(user_id, value) * MINUTE_MS
    except StateError:
        return math.inf
