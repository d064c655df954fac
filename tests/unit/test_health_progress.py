"""The stalls that readiness reports, together with lag and commit age."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from streams import topology as topics
from streams.metrics import Metrics
from streams.settings import Settings
from streams.worker.progress import Progress
from tests.clocks import TurnedClock

CLICK = "headwater.events.click.v1"
A, B = TP(CLICK, 0), TP(CLICK, 1)


@dataclass
class Log(TurnedClock):
    """The offsets of partitions, as consumer and positions tell them, and the time."""

    seconds: float = 1000.0
    ticks: float = 0.0
    position: dict[TP, int] = field(default_factory=dict)
    end: dict[TP, int] = field(default_factory=dict)
    waiting: dict[TP, float] = field(default_factory=dict)

    def assignment(self) -> set[TP]:
        return set(self.position)

    def done(self, tp: TP) -> int | None:
        return self.position[tp]

    def highwater(self, tp: TP) -> int | None:
        return self.end.get(tp)

    def uncommitted_since(self, tp: TP) -> float | None:
        return self.waiting.get(tp)

    @property
    def positions(self) -> Log:
        return self


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def progress(log: Log, metrics: Metrics) -> Progress:
    stage: Any = SimpleNamespace(app=SimpleNamespace(consumer=log), table=SimpleNamespace(changelog="headwater.x"))
    settings = Settings(commit_stall_timeout=60, partition_stall_timeout=30)
    return Progress(settings, metrics, [stage], log)


def sample(metrics: Metrics, name: str, partition: int) -> float | None:
    return metrics.registry.value(name, topic="events.click.v1", partition=str(partition))


def lag(metrics: Metrics, partition: int) -> float | None:
    return sample(metrics, "headwater_consumer_lag_records", partition)


def test_an_hour_without_traffic_is_fine(progress: Progress, log: Log) -> None:
    log.position, log.end = {A: 50, B: 0}, {A: 50, B: 0}
    for _ in range(360):
        log.seconds += 10
        progress.look()
        assert progress.partitions().ok and progress.commits().ok


def test_a_partition_that_stands_still_with_records_is_named(progress: Progress, log: Log) -> None:
    log.position, log.end = {A: 10, B: 10}, {A: 20, B: 20}
    for _ in range(8):
        progress.look()
        log.seconds += 5
        log.position[B] += 1
    progress.look()
    stalled = progress.partitions()
    assert not stalled.ok and f"{CLICK}-0" in stalled.message and f"{CLICK}-1" not in stalled.message
    log.position[A] += 1
    progress.look()
    assert progress.partitions().ok


def test_records_after_an_idle_hour_have_the_whole_time(progress: Progress, log: Log) -> None:
    log.position, log.end = {A: 10}, {A: 10}
    progress.look()
    log.seconds += 3600
    progress.look()
    log.end[A] = 12
    progress.look()
    log.seconds += 29
    progress.look()
    assert progress.partitions().ok
    log.seconds += 2
    progress.look()
    assert not progress.partitions().ok


def test_work_without_a_commit_is_reported_and_ages(progress: Progress, log: Log, metrics: Metrics) -> None:
    log.position, log.end = {A: 10}, {A: 10}
    progress.look()
    committed = log.seconds
    log.waiting[A] = log.seconds
    for _ in range(13):
        log.seconds += 5
        log.position[A] += 1
        log.end[A] += 1
        progress.look()
    stalled = progress.commits()
    assert not stalled.ok and f"{CLICK}-0 was worked on without a commit for 65 s" in stalled.message
    assert metrics.commit_age.of(topics.CLICK, 0).touched == committed, "the age must grow meanwhile"
    del log.waiting[A]
    progress.look()
    assert progress.commits().ok
    assert metrics.commit_age.of(topics.CLICK, 0).touched == log.seconds


def test_under_constant_load_the_age_is_the_last_commit_s(progress: Progress, log: Log, metrics: Metrics) -> None:
    """Something is always on its way: each commit moves the time since when it waits."""
    log.position, log.end = {A: 10}, {A: 10_000}
    log.waiting[A] = log.seconds - 1
    progress.look()
    assert metrics.commit_age.of(topics.CLICK, 0).touched == log.seconds - 1
    for _ in range(10):
        log.seconds += 1
        log.waiting[A] = log.seconds - 0.5
        progress.look()
        assert metrics.commit_age.of(topics.CLICK, 0).touched == log.seconds - 0.5


def test_lag_is_what_waits_never_negative_and_absent_while_unknown(
    progress: Progress, log: Log, metrics: Metrics
) -> None:
    log.position = {A: 10}
    progress.look()
    assert lag(metrics, 0) is None
    for end, expected in ((30, 20), (10, 0), (5, 0)):
        log.end[A] = end
        progress.look()
        assert lag(metrics, 0) == expected


def test_a_partition_that_was_given_up_leaves_nothing(progress: Progress, log: Log, metrics: Metrics) -> None:
    log.position, log.end = {A: 10, B: 10}, {A: 20, B: 10}
    progress.look()
    log.seconds += 31
    progress.look()
    assert not progress.partitions().ok
    del log.position[A]
    progress.look()
    assert progress.partitions().ok
    assert lag(metrics, 0) is None and sample(metrics, "headwater_commit_age_seconds", 0) is None
    assert lag(metrics, 1) == 0


def test_changelogs_are_no_work(progress: Progress, log: Log, metrics: Metrics) -> None:
    log.position, log.end = {TP("headwater.x", 0): 0}, {TP("headwater.x", 0): 1000}
    for _ in range(2):
        progress.look()
        log.seconds += 100
    assert progress.partitions().ok and metrics.commit_age.all() == metrics.consumer_lag.all() == []
