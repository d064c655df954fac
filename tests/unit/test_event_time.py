"""The time an event counts with, whatever the producer's clock says."""

from __future__ import annotations

import pytest

from streams.stages.event_time import ARRIVED_HEADER, EventTime, event_time, told_arrival

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


YEAR_AGO = NOW - 31_557_600_000


def test_what_is_put_in_again_arrived_when_it_is_told_and_was_heard_of_now() -> None:
    times = event_time(NOW, YEAR_AGO - 1_000, NOW, TOLERANCE, told_ms=YEAR_AGO)
    assert times == EventTime(YEAR_AGO, YEAR_AGO - 1_000, False, False, again=NOW)
    assert times.heard == NOW and event_time(NOW - 7, NOW - 7, NOW, TOLERANCE).heard == NOW - 7


def test_a_clock_ahead_is_clamped_to_the_arrival_that_is_told() -> None:
    times = event_time(NOW, NOW, NOW, TOLERANCE, told_ms=YEAR_AGO)
    assert times.clamped and times.occurred == YEAR_AGO


@pytest.mark.parametrize("told", [0, 5, 1_772_359_200, NOW + 1, 2**63 - 1])
def test_an_arrival_that_cannot_be_is_not_believed(told: int) -> None:
    """But the record was put in again all the same."""
    assert event_time(NOW, NOW - 9, NOW, TOLERANCE, told) == EventTime(NOW, NOW - 9, False, False, again=NOW)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (b"1772359200000", NOW),
        (b"0", 0),
        *((wrong, None) for wrong in (b"", b"-5", b"1e9", "\u0663".encode(), None, b"9" * 20)),
    ],
)
def test_the_header_is_a_number_or_nothing(value: bytes | None, told: int | None) -> None:
    assert told_arrival([("other", b"7"), (ARRIVED_HEADER, value)]) == told
    assert told_arrival([("other", b"7")]) is None
