"""What must never go unnoticed: a process that slept past its session, work that does not end."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager

from streams.clock import Clock
from streams.engine.errors import PausedTooLongError, WorkerStuckError, worker_stuck


class PauseGuard:
    """A process that slept past its session (SIGSTOP, a frozen machine) may have lost its partitions unknowingly.

    The broker counts from the last heartbeat, which may have been due when the process fell asleep.
    """

    def __init__(self, session_timeout: float, heartbeat_interval: float, clock: Clock) -> None:
        self._clock = clock
        self._session_timeout = session_timeout
        self._limit = session_timeout - heartbeat_interval
        self._alive_at = math.inf  # before its app starts, a worker owns nothing that it could lose

    def alive(self) -> None:
        """The process runs, and its partitions are its own."""
        self._alive_at = self._clock.monotonic()

    def check(self) -> float:
        """The time now; raises :class:`PausedTooLongError`."""
        now = self._clock.monotonic()
        slept = now - self._alive_at
        if slept > self._limit:
            raise PausedTooLongError(
                f"this worker stood still for {slept:.0f} s, and its session is {self._session_timeout:.0f} s; "
                "another one may own its partitions. It stops without writing; start it again."
            )
        return now

    def turn(self) -> None:
        """Called several times a second by a task that waits for nothing else: check, and note the time that was checked
        (not a later one: the process may fall asleep between any two lines)."""
        self._alive_at = self.check()


class StuckGuard:
    """Work that never ends (a call that hangs) would keep its partitions for ever, as heartbeats go on beside it."""

    def __init__(self, timeout: float, clock: Clock) -> None:
        self._clock = clock
        self._timeout = timeout
        self._since: float | None = None

    @contextmanager
    def working(self) -> Iterator[None]:
        """Work on a group."""
        self._since = self._clock.monotonic()
        try:
            yield
        finally:
            self._since = None

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """For the broker, which may take as long as it likes; the work that waits is not stuck."""
        since, self._since = self._since, None
        try:
            yield
        finally:
            self._since = None if since is None else self._clock.monotonic()

    def check(self) -> None:
        """Raises :class:`WorkerStuckError`."""
        if self._since is not None and self._clock.monotonic() - self._since > self._timeout:
            raise WorkerStuckError(worker_stuck(self._timeout))


async def watch(pauses: PauseGuard, stuck: StuckGuard) -> None:
    """A task that waits for nothing else: a group may hold a lock while the broker or a model is silent."""
    while True:
        pauses.turn()
        stuck.check()
        await asyncio.sleep(0.2)
