"""Watches the progress of every source partition: lag, age of the last commit, and readiness checks for both.

A partition without lag cannot stall. One that is no longer fetched does not see its own new records, so the broker is
asked, too, where partitions end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from confluent_kafka import IsolationLevel
from confluent_kafka.admin import AdminClient
from faust.types import TP

from streams.broker.partition_ends import partition_ends
from streams.clock import Clock
from streams.engine import SourcePositions, StageEngine
from streams.metrics import Metrics, known_topic
from streams.settings import Settings
from streams.worker.health import Check

ASK_TIMEOUT = 5.0


@dataclass(slots=True)
class _Seen:
    position: int
    moved_at: float


class Progress:
    """Lag and commits of the partitions that this worker owns, looked at once a second."""

    def __init__(self, settings: Settings, metrics: Metrics, stages: Iterable[StageEngine], clock: Clock) -> None:
        self._clock = clock
        self._settings, self._metrics, self._stages = settings, metrics, tuple(stages)
        self._seen: dict[TP, _Seen] = {}
        self._ends: dict[TP, int] = {}
        self._stalled: dict[TP, float] = {}
        self._uncommitted: dict[TP, float] = {}

    def look(self) -> None:
        """Update the figures."""
        now = self._clock.monotonic()
        owned: set[TP] = set()
        for stage in self._stages:
            consumer = stage.app.consumer
            changelog = stage.table.changelog if stage.table is not None else None
            for tp in consumer.assignment():
                if tp.topic != changelog:
                    owned.add(tp)
                    self._look_at(stage, tp, now)
        for gone in self._seen.keys() - owned:
            for state in (self._seen, self._stalled, self._uncommitted):
                state.pop(gone, None)
            topic = known_topic(gone.topic, self._settings.namespace)
            if topic is not None:
                self._metrics.consumer_lag.drop(topic, gone.partition)
                self._metrics.commit_age.drop(topic, gone.partition)

    def ask(self, admin: AdminClient) -> None:
        """Ask the broker where the partitions end (blocks; for another thread). Raises ``KafkaException``."""
        self._ends = partition_ends(admin, list(self._seen), ASK_TIMEOUT, IsolationLevel.READ_COMMITTED)

    def _look_at(self, stage: StageEngine, tp: TP, now: float) -> None:
        positions: SourcePositions | None = stage.app.consumer.positions
        done = waiting = highwater = None
        if positions is not None:
            done, waiting, highwater = positions.done(tp), positions.uncommitted_since(tp), positions.highwater(tp)
        end = max((e for e in (highwater, self._ends.get(tp)) if e is not None), default=None)
        lag = max(0, end - done) if end is not None and done is not None else None
        topic = known_topic(tp.topic, self._settings.namespace)
        if topic is not None:
            self._metrics.consumer_lag.of(topic, tp.partition).set(lag)
            age, known = self._metrics.commit_age.of(topic, tp.partition), now if waiting is None else waiting
            if age.touched is None or known > age.touched:
                age.touch(known)  # under constant load records always wait, the oldest since the last commit
        seen = self._seen.setdefault(tp, _Seen(-1, now))
        if done is not None and (done != seen.position or not lag):
            seen.position, seen.moved_at = done, now
        self._stalled[tp] = now - seen.moved_at
        self._uncommitted[tp] = now - waiting if waiting is not None else 0.0

    def partitions(self) -> Check:
        """Readiness: every partition with lag moves."""
        return _worst(self._stalled, self._settings.partition_stall_timeout, "has lag and has not moved for")

    def commits(self) -> Check:
        """Readiness: finished work is committed in time."""
        return _worst(self._uncommitted, self._settings.commit_stall_timeout, "was worked on without a commit for")


def _worst(ages: Mapping[TP, float], limit: float, words: str) -> Check:
    for tp, age in sorted(ages.items(), key=lambda item: -item[1]):
        if age > limit:
            return Check(False, f"{tp.topic}-{tp.partition} {words} {age:.0f} s: see the worker's log and the broker")
        break
    return Check(True, "all partitions move")
