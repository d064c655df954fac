"""The stalls that readiness reports, with lag and commit age beside (cases c09, c59 D and E)."""

from __future__ import annotations

import pytest

from streams.metrics import RecordingMetrics
from streams.progress import Progress
from streams.topics import CLICK, ITEM_STATE, PURCHASE


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def metrics() -> RecordingMetrics:
    return RecordingMetrics()


@pytest.fixture
def progress(clock: Clock, metrics: RecordingMetrics) -> Progress:
    progress = Progress(metrics, commit_timeout=60, partition_timeout=30, clock=clock)
    progress.assign([(CLICK, 0), (CLICK, 1), (PURCHASE, 0)])
    return progress


def lag(metrics: RecordingMetrics, partition: int) -> float | None:
    return metrics.registry.value("headwater_consumer_lag_records", topic="events.click.v1", partition=str(partition))


def test_an_hour_without_traffic_is_fine(progress: Progress, clock: Clock) -> None:
    progress.processed(CLICK, 0, 50)
    progress.committed(CLICK, 0, 50)
    for _ in range(360):
        clock.now += 10
        progress.reached(CLICK, 0, 50)
        progress.reached(CLICK, 1, 0)
        assert progress.commit_stall().ok and progress.partition_stall().ok


def test_the_commit_age_stays_small_without_traffic(progress: Progress, metrics: RecordingMetrics) -> None:
    progress.processed(CLICK, 0, 50)
    progress.committed(CLICK, 0, 50)
    touches = len(metrics.of("headwater_commit_age_seconds"))
    progress.reached(CLICK, 0, 50)
    assert len(metrics.of("headwater_commit_age_seconds")) == touches + 1


def test_the_commit_age_grows_while_work_is_not_committed(progress: Progress, metrics: RecordingMetrics) -> None:
    progress.processed(CLICK, 0, 50)
    progress.committed(CLICK, 0, 40)
    touches = len(metrics.of("headwater_commit_age_seconds"))
    progress.processed(CLICK, 0, 60)
    progress.reached(CLICK, 0, 90)
    assert len(metrics.of("headwater_commit_age_seconds")) == touches


def test_a_paused_partition_is_named(progress: Progress, clock: Clock) -> None:
    progress.processed(CLICK, 0, 10)
    progress.processed(CLICK, 1, 10)
    for step in range(8):
        clock.now += 5
        progress.reached(CLICK, 0, 20 + step)
        progress.reached(CLICK, 1, 20 + step)
        progress.processed(CLICK, 1, 15 + step)
    stalled = progress.partition_stall()
    assert not stalled.ok
    assert "events.click.v1-0" in stalled.message
    assert "events.click.v1-1" not in stalled.message
    progress.processed(CLICK, 0, 11)
    assert progress.partition_stall().ok


def test_a_partition_that_was_idle_has_its_whole_time_when_records_come(progress: Progress, clock: Clock) -> None:
    progress.processed(CLICK, 0, 10)
    progress.reached(CLICK, 0, 10)
    clock.now += 3600
    progress.reached(CLICK, 0, 12)
    assert progress.partition_stall().ok
    clock.now += 31
    assert not progress.partition_stall().ok


def test_a_commit_that_does_not_grow_is_reported(progress: Progress, clock: Clock) -> None:
    progress.processed(CLICK, 0, 10)
    progress.committed(CLICK, 0, 10)
    for step in range(1, 14):
        progress.processed(CLICK, 0, 10 + step)
        progress.committed(CLICK, 0, 10)  # the broken prefix of case c09
        clock.now += 5
    stalled = progress.commit_stall()
    assert not stalled.ok
    assert "nothing has been committed for 65 s in events.click.v1-0" in stalled.message
    progress.committed(CLICK, 0, 23)
    assert progress.commit_stall().ok


def test_commits_that_follow_behind_are_fine(progress: Progress, clock: Clock) -> None:
    for step in range(100):
        progress.processed(CLICK, 0, 100 * step)
        progress.committed(CLICK, 0, 100 * step - 50)
        clock.now += 5
        assert progress.commit_stall().ok


def test_lag_counts_what_waits_and_is_absent_while_unknown(progress: Progress, metrics: RecordingMetrics) -> None:
    assert lag(metrics, 0) is None
    progress.reached(CLICK, 0, 30)
    assert lag(metrics, 0) is None
    progress.processed(CLICK, 0, 10)
    assert lag(metrics, 0) == 20
    progress.processed(CLICK, 0, 30)
    assert lag(metrics, 0) == 0


def test_a_position_ahead_of_an_old_end_is_no_negative_lag(progress: Progress, metrics: RecordingMetrics) -> None:
    progress.reached(CLICK, 0, 30)
    progress.processed(CLICK, 0, 35)
    assert lag(metrics, 0) == 0


def test_a_partition_that_was_given_up_leaves_no_series_and_no_stall(
    progress: Progress, metrics: RecordingMetrics, clock: Clock
) -> None:
    progress.processed(CLICK, 0, 10)
    progress.reached(CLICK, 0, 20)
    clock.now += 100
    assert not progress.partition_stall().ok
    progress.assign([(CLICK, 1)])
    assert progress.partition_stall().ok
    assert lag(metrics, 0) is None
    progress.processed(CLICK, 0, 11)  # a late report of the old generation
    assert lag(metrics, 0) is None


def test_many_stalled_partitions_are_a_short_message(metrics: RecordingMetrics, clock: Clock) -> None:
    progress = Progress(metrics, commit_timeout=60, partition_timeout=30, clock=clock)
    progress.assign([(ITEM_STATE, n) for n in range(100)])
    for n in range(100):
        progress.processed(ITEM_STATE, n, 0)
        progress.reached(ITEM_STATE, n, 5)
    clock.now += 31
    assert "and 92 more" in progress.partition_stall().message
