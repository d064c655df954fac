"""What is too old to be answered is counted, and said once a minute."""

from __future__ import annotations

import logging

import pytest

from streams.metrics import Metrics
from streams.stages.late_events import SAID_EVERY, LateEvents
from streams.topology import CLICK, SEARCH
from tests.clocks import TurnedClock


def late_of(metrics: Metrics, cause: str, topic: str = "events.click.v1") -> float | None:
    return metrics.registry.value("headwater_too_old_events_total", topic=topic, cause=cause)


def test_every_late_event_is_counted_and_a_line_a_minute_says_how_old_they_are(
    caplog: pytest.LogCaptureFixture,
) -> None:
    metrics, clock = Metrics(), TurnedClock()
    late = LateEvents(metrics, 300_000, clock)
    with caplog.at_level(logging.WARNING):
        for _ in range(100):
            late.count(CLICK, 2, 601_000, 0)
        late.count(SEARCH, 1, 301_000, 0)
        clock.turn(SAID_EVERY)
        late.count(CLICK, 1, 700_000, 5)
    assert late_of(metrics, "late") == 201 and late_of(metrics, "late", "events.search.v1") == 1
    assert late_of(metrics, "again") == 5
    first, searches, last = [record.getMessage() for record in caplog.records]
    for words in ("events.click.v1", "601 s old", "HEADWATER_MAX_EVENT_AGE is 300 s", "2 event(s)"):
        assert words in first
    assert "events.search.v1" in searches and "199 event(s)" in last and "700 s old" in last


def test_a_history_is_counted_without_a_line(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()
    LateEvents(metrics, 300_000, TurnedClock()).count(CLICK, 0, 0, 5_000)
    assert late_of(metrics, "again") == 5_000 and late_of(metrics, "late") == 0
    assert not caplog.records
