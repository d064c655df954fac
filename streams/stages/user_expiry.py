"""Removes the states of users who were not heard of for long, so that state does not grow with everybody who ever came.

Idle is measured by the partition's own time (decision 0013). A walk over a partition's stored states is done in slices of a
fraction of a millisecond and begins anew once time has moved on by a hundredth of what counts as idle.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from operators.errors import StateError
from operators.user_codec import stored_minute
from streams.batching import BatchTable
from streams.event_clock import EventClock
from streams.stages.user_cache import MINUTE_MS, UserCache

SLICE = 0.0003  # seconds of work, a few times a second
ROUNDS = 100  # walks within the time that counts as idle
MOST_WAITING = 10_000  # users that the next checkpoint has to write


class UserExpiry:
    """The walk over the partitions of a worker; ``sweep`` does a slice of it."""

    def __init__(self, table: BatchTable, users: UserCache, idle_ms: int, on_removed: Callable[[], None]) -> None:
        """``idle_ms`` 0: nobody is ever removed."""
        self._table, self._users, self._idle, self._on_removed = table, users, idle_ms, on_removed
        self._clocks: defaultdict[int, EventClock] = defaultdict(EventClock)
        self._walked: dict[int, int] = {}
        """By partition of this worker: its time when its last walk began."""
        self._partition = -1
        self._walk: Iterator[tuple[bytes, bytes]] = iter(())

    def restore(self, partitions: Iterable[int]) -> None:
        """These are the worker's now."""
        self._walked = dict.fromkeys(partitions, 0)

    def forget(self) -> None:
        """The partitions may belong to others."""
        self._walked.clear()
        self._clocks.clear()
        self._walk = iter(())

    def see(self, partition: int, arrivals: Iterable[tuple[str, int]]) -> None:
        """Users and Kafka times (ms) of the last records of a batch, in order."""
        self._clocks[partition].see(arrivals)

    def sweep(self) -> None:
        """Look at as many stored states as a slice has time for."""
        until = time.perf_counter() + SLICE
        if self._users.dirty_count >= MOST_WAITING:
            return
        while time.perf_counter() < until:
            row = next(self._walk, None)
            if row is not None:
                self._look(*row)
            elif not self._begin_walk():
                return

    def _begin_walk(self) -> bool:
        for partition, walked in self._walked.items():
            now = self._clocks[partition].time
            if self._idle and now >= walked + self._idle // ROUNDS:
                self._walked[partition], self._partition = now, partition
                self._walk = self._table.walk(partition)
                return True
        return False

    def _look(self, key: bytes, value: bytes) -> None:
        user_id, idle_since = key.decode(), self._clocks[self._partition].time - self._idle
        try:
            heard_of = stored_minute(user_id, value) * MINUTE_MS
        except StateError:
            return  # left as it is: whoever loads it says what to do
        if heard_of < idle_since and self._users.remove_idle(self._partition, user_id, idle_since):
            self._on_removed()
