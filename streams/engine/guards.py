"""Two guards that stop a worker: its process slept past its session, or its work does not end."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager

from streams.clock import Clock
from streams.engine.errors import PausedTooLongError, WorkerStuckError, worker_stuck


class PauseGuard:
    """Detects that the process slept past its session (SIGSTOP, a frozen machine): it may have lost its partitions.

    The broker counts from the last heartbeat, which may be a whole interval before the process fell asleep.
    """

    def __init__(self, session_timeout: float, heartbeat_interval: float, clock: Clock) -> None:
        self._clock = clock
        self._session_timeout = session_timeout
        self._limit = session_timeout - heartbeat_interval
        self._alive_at = math.inf  # before its app starts, a worker owns nothing that it could lose

    def alive(self) -> None:
        """Start to measure: the partitions have just been assigned."""
        self._alive_at = self._clock.monotonic()

    def check(self) -> float:
        """The time now (monotonic seconds); raises :class:`PausedTooLongError`."""
        now = self._clock.monotonic()
        slept = now - self._alive_at
        if slept > self._limit:
            raise PausedTooLongError(
                f"this worker stood still for {slept:.0f} s, and its session is {self._session_timeout:.0f} s; "
                "another one may own its partitions. It stops without writing; start it again."
            )
        return now

    def turn(self) -> None:
        """Check, and note the time of the check, not a later one: the process may fall asleep between any two lines.

        A task that waits for nothing else calls this several times a second.
        """
        self._alive_at = self.check()


class StuckGuard:
    """Detects work that never ends, such as a call that hangs: heartbeats would keep its partitions for ever."""

    def __init__(self, timeout: float, clock: Clock) -> None:
        self._clock = clock
        self._timeout = timeout
        self._since: float | None = None

    @contextmanager
    def working(self) -> Iterator[None]:
        """The body is work on a group, which has ``timeout`` seconds."""
        self._since = self._clock.monotonic()
        try:
            yield
        finally:
            self._since = None

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The body waits for the broker: this time does not count."""
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
    """Check both guards for ever. Takes no lock: work on a group may hold one while it hangs."""
    while True:
        pauses.turn()
        stuck.check()
        await asyncio.sleep(0.2)
