"""What must never go unnoticed: a hole between two batches, a process that slept past its session, work that does not end."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from faust.types import TP

from streams.engine.batch import RecordBatch
from streams.engine.errors import (
    BatchHoleError,
    LogReplacedError,
    PausedTooLongError,
    WorkerStuckError,
    log_replaced,
    worker_stuck,
)


class Continuity:
    """Every batch follows the one before it. Applied offsets make a lost batch invisible for ever, so a hole is fatal."""

    def __init__(self) -> None:
        self._seen: dict[TP, tuple[int, int]] = {}  # tp -> (epoch, last offset worked on)

    def check(self, batch: RecordBatch) -> None:
        """Raises :class:`BatchHoleError`, or :class:`LogReplacedError` where the offsets go back."""
        epoch, last = self._seen.get(batch.tp, (-1, None))
        if batch.previous is not None and batch.first <= batch.previous:
            raise LogReplacedError(log_replaced(batch.tp.topic, batch.tp.partition, batch.previous, batch.first))
        if epoch == batch.epoch and last != batch.previous:
            raise BatchHoleError(
                f"{batch.tp.topic}-{batch.tp.partition}: expected the batch behind offset {last}, got the one behind "
                f"{batch.previous}. This is a fault of the worker, nothing was committed: restart it, and report this line."
            )
        self._seen[batch.tp] = (batch.epoch, batch.last)

    def forget(self) -> None:
        """Partitions are assigned anew."""
        self._seen.clear()


class PauseGuard:
    """A process that slept past its session (SIGSTOP, a frozen machine) may have lost its partitions unknowingly.

    The broker counts from the last heartbeat, which may have been due when the process fell asleep.
    """

    def __init__(self, session_timeout: float, heartbeat_interval: float) -> None:
        self._session_timeout = session_timeout
        self._limit = session_timeout - heartbeat_interval
        self._alive_at = math.inf  # before its app starts, a worker owns nothing that it could lose

    def alive(self) -> None:
        """The process runs, and its partitions are its own."""
        self._alive_at = time.monotonic()

    def check(self) -> float:
        """The time now; raises :class:`PausedTooLongError`."""
        now = time.monotonic()
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

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._since: float | None = None

    @contextmanager
    def working(self) -> Iterator[None]:
        """Work on a group."""
        self._since = time.monotonic()
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
            self._since = None if since is None else time.monotonic()

    def check(self) -> None:
        """Raises :class:`WorkerStuckError`."""
        if self._since is not None and time.monotonic() - self._since > self._timeout:
            raise WorkerStuckError(worker_stuck(self._timeout))


async def watch(pauses: PauseGuard, stuck: StuckGuard) -> None:
    """A task that waits for nothing else: a group may hold a lock while the broker or a model is silent."""
    while True:
        pauses.turn()
        stuck.check()
        await asyncio.sleep(0.2)
