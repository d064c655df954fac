"""Guards of the data path: a process that slept too long, and work that does not end."""

from __future__ import annotations

import time

import pytest

from streams.engine.errors import PausedTooLongError, WorkerStuckError
from streams.engine.guards import PauseGuard, StuckGuard


def test_sleep_counts_from_the_heartbeat_that_may_have_been_due() -> None:
    """The broker gives partitions away 10 s after the last heartbeat, which may have been 3 s before the sleep."""
    guard = PauseGuard(session_timeout=10.0, heartbeat_interval=3.0)
    guard.turn()
    guard._alive_at -= 6.5
    guard.turn()
    guard._alive_at -= 7.5
    with pytest.raises(PausedTooLongError, match="stood still for"):
        guard.check()
    with pytest.raises(PausedTooLongError):
        guard.turn()
    guard.alive()
    guard.turn()


def test_what_a_worker_loads_before_it_joins_may_take_longer_than_a_session(monkeypatch: pytest.MonkeyPatch) -> None:
    guard, now = PauseGuard(session_timeout=10.0, heartbeat_interval=3.0), time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 60.0)
    guard.turn()
    monkeypatch.setattr(time, "monotonic", lambda: now + 68.0)
    with pytest.raises(PausedTooLongError):
        guard.turn()


def test_work_that_does_not_end_is_stuck_and_waiting_for_the_broker_is_not() -> None:
    guard = StuckGuard(timeout=60.0)
    guard.check()
    with guard.working():
        guard.check()
        assert guard._since is not None
        guard._since -= 61.0
        with pytest.raises(WorkerStuckError, match="HEADWATER_STUCK_TIMEOUT"):
            guard.check()
        with guard.waiting():
            guard.check()
        guard.check()  # it has a new beginning
    with guard.waiting():
        guard.check()
    assert guard._since is None
