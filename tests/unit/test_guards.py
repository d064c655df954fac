"""Guards of the data path: a process that slept too long, and work that does not end."""

from __future__ import annotations

import pytest

from streams.engine.errors import PausedTooLongError, WorkerStuckError
from streams.engine.guards import PauseGuard, StuckGuard
from tests.clocks import TurnedClock


def test_sleep_counts_from_the_heartbeat_that_may_have_been_due() -> None:
    """The broker gives partitions away 10 s after the last heartbeat, which may have been 3 s before the sleep."""
    clock = TurnedClock()
    guard = PauseGuard(10.0, 3.0, clock)
    guard.turn()
    clock.turn(6.5)
    guard.turn()
    clock.turn(7.5)
    with pytest.raises(PausedTooLongError, match="stood still for"):
        guard.check()
    with pytest.raises(PausedTooLongError):
        guard.turn()
    guard.alive()
    guard.turn()


def test_what_a_worker_loads_before_it_joins_may_take_longer_than_a_session() -> None:
    clock = TurnedClock()
    guard = PauseGuard(10.0, 3.0, clock)
    clock.turn(60.0)
    guard.turn()
    clock.turn(8.0)
    with pytest.raises(PausedTooLongError):
        guard.turn()


def test_work_that_does_not_end_is_stuck_and_waiting_for_the_broker_is_not() -> None:
    clock = TurnedClock()
    guard = StuckGuard(60.0, clock)
    guard.check()
    with guard.working():
        clock.turn(59.0)
        guard.check()
        clock.turn(2.0)
        with pytest.raises(WorkerStuckError, match="HEADWATER_STUCK_TIMEOUT"):
            guard.check()
        with guard.waiting():
            clock.turn(600.0)
            guard.check()
        clock.turn(59.0)
        guard.check()  # it has a new beginning
    with guard.waiting():
        clock.turn(600.0)
        guard.check()
    guard.check()
