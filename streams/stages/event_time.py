"""The times that an event counts with: producers' clocks can be wrong by years, in both directions."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from schemas.times import MIN_TIME_MS

OLDEST_PLAUSIBLE_MS = 946_684_800_000  # 2000-01-01
ARRIVED_HEADER = "headwater-arrived"
"""Header of an event that is put into Kafka again: when it came for the first time, in epoch ms as digits."""
_LONGEST = 19  # digits


class EventTime(Struct, frozen=True, gc=False):
    """Epoch milliseconds, all plausible.

    - `arrived`: when the event first came into Kafka, for age and latency
    - `occurred`: for order and decay
    - `again`: when it was put into Kafka again (`ARRIVED_HEADER`), 0 for an event that was not
    """

    arrived: int
    occurred: int
    implausible: bool
    clamped: bool
    again: int = 0

    @property
    def heard(self) -> int:
        """When the record came into its topic: its user was heard of then."""
        return self.again or self.arrived


def event_time(
    record_ms: int, occurred_ms: int, now_ms: int, tolerance_ms: int, told_ms: int | None = None
) -> EventTime:
    """Times of an event with Kafka timestamp ``record_ms`` and ``occurred_at`` ``occurred_ms``, read at ``now_ms``.

    A Kafka timestamp before 2000, or ahead of now by more than the tolerance, is replaced by ``occurred_at`` if that is
    plausible, else by now. ``told_ms`` is what :func:`told_arrival` found; before 1990 or behind the record's own time
    it is not believed, and the event arrived with its record. An event time ahead of the arrival by more than the
    tolerance is clamped to the arrival.
    """
    latest = now_ms + tolerance_ms
    implausible = not OLDEST_PLAUSIBLE_MS <= record_ms <= latest
    if implausible:
        record_ms = occurred_ms if OLDEST_PLAUSIBLE_MS <= occurred_ms <= latest else now_ms
    arrived, again = record_ms, 0
    if told_ms is not None:
        arrived, again = told_ms if MIN_TIME_MS <= told_ms <= record_ms else record_ms, record_ms
    clamped = occurred_ms > arrived + tolerance_ms
    return EventTime(arrived, arrived if clamped else occurred_ms, implausible, clamped, again)


def told_arrival(headers: Sequence[tuple[str, bytes | None]]) -> int | None:
    """Epoch ms in the header `ARRIVED_HEADER`, None where there is none or it is no number."""
    for name, value in headers:
        if name == ARRIVED_HEADER and value is not None and len(value) <= _LONGEST and value.isdigit():
            return int(value)
    return None
