"""Whether the partitions of a worker move: lag, age of the last commit, and the two stalls that readiness reports.

*Commit stall* (case c09): records were worked on but nothing was committed for longer than a set time. *Partition stall*
(case c59 D): a partition has records waiting and its position has not moved for longer than a set time. Without traffic
neither can happen (case c59 E).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from streams.health import Check
from streams.metrics import Metrics
from streams.topics import Topic

Partition = tuple[Topic, int]
Key = tuple[str, int]


@dataclass(slots=True)
class _State:
    topic: Topic
    position: int | None = None  # offset after the last record worked on
    committed: int | None = None
    end: int | None = None
    waiting_since: float | None = None  # records wait since, or the position moved last at
    uncommitted_since: float | None = None  # work without a commit since, or the committed offset moved last at

    @property
    def lag(self) -> int | None:
        if self.end is None or self.position is None:
            return None
        return max(0, self.end - self.position)

    @property
    def all_committed(self) -> bool:
        return self.position is None or (self.committed is not None and self.committed >= self.position)


class Progress:
    """Follows the partitions that this worker reads, keeps their metrics, and answers the two stall checks.

    Offsets are "next" offsets, as Kafka counts: one past the last record. Thread safe.
    """

    def __init__(
        self,
        metrics: Metrics,
        *,
        commit_timeout: float,
        partition_timeout: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._metrics, self._clock = metrics, clock
        self._commit_timeout, self._partition_timeout = commit_timeout, partition_timeout
        self._states: dict[Key, _State] = {}
        self._lock = threading.Lock()

    def assign(self, partitions: Iterable[Partition]) -> None:
        """These partitions, and no others, are this worker's now; those that stay keep their history."""
        wanted = {(topic.suffix, number): topic for topic, number in partitions}
        with self._lock:
            for key in self._states.keys() - wanted.keys():
                topic = self._states.pop(key).topic
                self._metrics.consumer_lag.drop(topic, key[1])
                self._metrics.commit_age.drop(topic, key[1])
            for key, topic in wanted.items():
                self._states.setdefault(key, _State(topic))

    def processed(self, topic: Topic, partition: int, position: int) -> None:
        """Records up to ``position`` were worked on."""
        with self._lock:
            state = self._states.get((topic.suffix, partition))
            if state is None or state.position == position:
                return
            state.position = position
            self._note(state, partition, moved=True)

    def committed(self, topic: Topic, partition: int, offset: int) -> None:
        """The broker has taken ``offset`` as committed."""
        with self._lock:
            state = self._states.get((topic.suffix, partition))
            if state is None:
                return
            if state.committed is None or offset > state.committed:
                state.uncommitted_since = None
            state.committed = offset
            self._note(state, partition)
            self._metrics.commit_age.of(state.topic, partition).touch()

    def reached(self, topic: Topic, partition: int, end: int) -> None:
        """The partition ends at ``end`` (for a read-committed consumer: its last stable offset). Call it every few
        seconds, also without traffic."""
        with self._lock:
            state = self._states.get((topic.suffix, partition))
            if state is None:
                return
            state.end = end
            self._note(state, partition)

    def commit_stall(self) -> Check:
        """Check for readiness: what was worked on gets committed."""
        return self._stall(
            self._commit_timeout,
            lambda state: state.uncommitted_since,
            "records are worked on but nothing has been committed for {age:.0f} s in {names}; "
            "see the log for refused outputs or commits",
            "what was worked on is committed",
        )

    def partition_stall(self) -> Check:
        """Check for readiness: partitions with records waiting move."""
        return self._stall(
            self._partition_timeout,
            lambda state: state.waiting_since,
            "records wait but the position has not moved for {age:.0f} s in {names}; restart the worker if it stays so",
            "every partition with records moves",
        )

    def _stall(self, timeout: float, since: Callable[[_State], float | None], failing: str, fine: str) -> Check:
        now = self._clock()
        with self._lock:
            ages = {
                f"{suffix}-{number}": now - started
                for (suffix, number), state in self._states.items()
                if (started := since(state)) is not None and now - started > timeout
            }
        if not ages:
            return Check(True, fine)
        names = sorted(ages)
        shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
        return Check(False, failing.format(age=max(ages.values()), names=shown))

    def _note(self, state: _State, partition: int, *, moved: bool = False) -> None:
        now = self._clock()
        if not state.lag:
            state.waiting_since = None
        elif moved or state.waiting_since is None:
            state.waiting_since = now
        if state.all_committed:
            state.uncommitted_since = None
            if state.position is not None:
                self._metrics.commit_age.of(state.topic, partition).touch()
        elif state.uncommitted_since is None:
            state.uncommitted_since = now
        self._metrics.consumer_lag.of(state.topic, partition).set(state.lag)
