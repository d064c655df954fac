"""The time an event counts with, whatever the producer's clock says."""

from __future__ import annotations

import pytest

from streams.stages.event_time import EventTime, event_time

NOW = 1_772_359_200_000  # 2026-03-01T10:00:00Z
TOLERANCE = 300_000


@pytest.mark.parametrize("record_ms", [-1, 0, 1_772_359_200, 4_102_444_800_000])
def test_implausible_kafka_timestamp_gives_way_to_occurred_at(record_ms: int) -> None:
    times = event_time(record_ms, NOW - 1_000, NOW, TOLERANCE)
    assert times == EventTime(NOW - 1_000, NOW - 1_000, True, False)


def test_both_implausible_gives_the_time_of_arrival() -> None:
    times = event_time(0, NOW + 10**12, NOW, TOLERANCE)
    assert times.arrived == NOW and times.occurred == NOW and times.implausible and times.clamped


def test_event_from_the_future_is_clamped_to_the_record() -> None:
    times = event_time(NOW - 5_000, 4_102_358_400_000, NOW, TOLERANCE)
    assert times == EventTime(NOW - 5_000, NOW - 5_000, False, True)


def test_small_drift_and_old_events_keep_their_time() -> None:
    assert event_time(NOW, NOW + 2_000, NOW, TOLERANCE) == EventTime(NOW, NOW + 2_000, False, False)
    assert event_time(NOW, 946_684_800_000, NOW, TOLERANCE) == EventTime(NOW, 946_684_800_000, False, False)
