"""What must never go unnoticed: a hole between two batches, and a process that slept past its session."""

from __future__ import annotations

import asyncio
import time

from faust.types import TP

from streams.batching.batch import RecordBatch
from streams.batching.errors import BatchHoleError, LogReplacedError, PausedTooLongError, log_replaced


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
    """A process that slept past its session (SIGSTOP, a frozen machine) may have lost its partitions unknowingly."""

    def __init__(self, session_timeout: float) -> None:
        self._session_timeout = session_timeout
        self._alive_at = time.monotonic()

    def alive(self) -> None:
        """The process runs, and its partitions are its own."""
        self._alive_at = time.monotonic()

    def check(self) -> None:
        """Raises :class:`PausedTooLongError`."""
        slept = time.monotonic() - self._alive_at
        if slept > self._session_timeout:
            raise PausedTooLongError(
                f"this worker stood still for {slept:.0f} s, longer than its session of {self._session_timeout:.0f} s; "
                "another one may own its partitions. It stops without writing; start it again."
            )

    async def watch(self) -> None:
        """A task that waits for nothing else: a group may hold a lock while the broker or a model is silent."""
        while True:
            self.check()
            self.alive()
            await asyncio.sleep(0.2)
