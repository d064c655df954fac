"""The pace of a source: it follows the rate, and not back and forth."""

from __future__ import annotations

from streams.engine.pace import FAST, LOOK_SECONDS, SLOW, Pace
from tests.clocks import TurnedClock


def test_the_pace_follows_the_rate_and_keeps_to_it_between_the_bounds() -> None:
    clock = TurnedClock()
    pace = Pace(clock)

    def after(rate: float) -> bool:
        """The pace when records came at ``rate`` for a while."""
        for _ in range(int(LOOK_SECONDS * 4)):
            clock.turn(0.25)
            before = pace.fast
            assert pace.changes(int(rate / 4)) == (pace.fast != before)
        return pace.fast

    between = (SLOW + FAST) / 2
    assert [after(rate) for rate in (0, between, 2 * FAST, between, 0, between)] == [
        False, False, True, True, False, False,
    ]  # fmt: skip


def test_a_burst_between_two_looks_counts_by_its_share() -> None:
    clock = TurnedClock()
    pace = Pace(clock)
    assert not pace.changes(int(FAST * LOOK_SECONDS * 5)), "too early to say"
    clock.turn(LOOK_SECONDS * 10)
    assert not pace.changes(0)
    assert not pace.fast
    clock.turn(LOOK_SECONDS)
    assert pace.changes(int(FAST * LOOK_SECONDS * 1.1))
    assert pace.fast
