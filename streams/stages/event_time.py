"""The times that an event counts with: producers' clocks can be wrong by years, in both directions."""

from __future__ import annotations

from msgspec import Struct

OLDEST_PLAUSIBLE_MS = 946_684_800_000  # 2000-01-01


class EventTime(Struct, frozen=True, gc=False):
    """Epoch milliseconds: ``arrived`` for age and latency, ``occurred`` for order and decay, both plausible."""

    arrived: int
    occurred: int
    implausible: bool
    clamped: bool


def event_time(record_ms: int, occurred_ms: int, now_ms: int, tolerance_ms: int) -> EventTime:
    """Times of an event with Kafka timestamp ``record_ms`` and ``occurred_at`` ``occurred_ms``, read at ``now_ms``.

    A Kafka timestamp before 2000, or ahead of now by more than the tolerance, is replaced by ``occurred_at`` if that is
    plausible, else by now. An event time ahead of the record's by more than the tolerance is clamped to the record's.
    """
    latest = now_ms + tolerance_ms
    implausible = not OLDEST_PLAUSIBLE_MS <= record_ms <= latest
    if implausible:
        record_ms = occurred_ms if OLDEST_PLAUSIBLE_MS <= occurred_ms <= latest else now_ms
    clamped = occurred_ms > record_ms + tolerance_ms
    return EventTime(record_ms, record_ms if clamped else occurred_ms, implausible, clamped)
