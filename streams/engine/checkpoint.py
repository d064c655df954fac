"""A stage over batches: computes in memory, sends outputs at once, makes everything durable once a checkpoint.

The order of a checkpoint (design rule 1), as numbered in ``docs/architecture.md``:

1. take, between two groups, the outputs on their way, the dirty states and the events they contain (work goes on);
2. await every output;
3. write the dirty states to the changelog and await it, then to the local store with the changelog offset, atomically;
4. acknowledge the events, commit.

A crash between any two steps repeats at most what came since the last finished checkpoint. The states then hold none of
it, or (crash in step 3 or 4) name the offsets that they hold, so that nothing is learned twice. While a broker or a disk keeps
a checkpoint waiting, work goes on for ``PATIENCE`` seconds, so that this has a bound.

A revocation waits for the group and the checkpoint under way, writes a last checkpoint and only then forgets its states:
a late write of an old owner would overwrite the new owner's.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from streams.engine.app import LIVE_BATCH_RECORDS, BatchApp
from streams.engine.batch import RecordBatch
from streams.engine.guards import Continuity, watch
from streams.engine.outbox import Outbox
from streams.engine.sending import Delivery, Sending
from streams.engine.store import Item
from streams.engine.table import BatchTable

log = logging.getLogger(__name__)

MAX_GROUP_RECORDS = 16_384
LIVE_GROUP_RECORDS = 512
PATIENCE = 5.0


@dataclass(slots=True)
class _Covered:
    """What a checkpoint makes durable."""

    outputs: Delivery
    states: Mapping[int, Iterable[Item]]
    batches: list[RecordBatch]


@dataclass(slots=True)
class Durations:
    """Seconds of the last group and checkpoint, for the metrics."""

    group: float = 0.0
    checkpoint: float = 0.0


class CheckpointedStage(abc.ABC):
    """Base of the stages; a subclass computes, this class moves, guards and commits.

    ``table`` is None for a stage without state. All methods run on the event loop.
    """

    def __init__(
        self,
        app: BatchApp,
        name: str,
        topics: Sequence[str],
        table: BatchTable | None,
        *,
        interval: float,
        dirty_bytes: int = 16 << 20,
    ) -> None:
        self.app, self.name, self.table = app, name, table
        self.interval, self.dirty_bytes = interval, dirty_bytes
        self.durations = Durations()
        self.crashed: BaseException | None = None
        self._lock = asyncio.Lock()  # one group, or one snapshot
        self._checkpointing = asyncio.Lock()
        self._sending = Sending(app.brokers, app.conf.id, lambda seconds: self.on_emit(seconds))
        self._worked_on: list[RecordBatch] = []
        self._pending: list[RecordBatch] = []
        self._wake = asyncio.Event()
        self._open = False
        self._continuity = Continuity()
        self._written_at = time.monotonic()
        self._writing_since = math.inf
        self._tasks: list[asyncio.Task[None]] = []
        self.on_group: Callable[[int], None] = lambda records: None
        self.on_emit: Callable[[float], None] = lambda seconds: None
        self.on_checkpoint: Callable[[float, int], None] = lambda seconds, size: None
        self.crash_point: Callable[[str], None] = lambda step: None  # the fault tests stop here
        self.check_topics: Callable[[], Awaitable[None]] = _nothing  # before work begins on newly assigned partitions
        app.on_batches, app.most_waiting = self._take_in, MAX_GROUP_RECORDS
        app.agent(app.batched_topic(*topics), name=f"{app.conf.id}.{name}", concurrency=1)(self._consume)
        app.on_partitions_revoked.connect(self._on_revoked)
        app.on_rebalance_complete.connect(self._on_recovered)

    # ---- what a stage computes
    @abc.abstractmethod
    async def compute(self, batches: Sequence[RecordBatch], outbox: Outbox) -> None:
        """Work on a group: apply what the states do not contain yet, put outputs into ``outbox``."""

    @abc.abstractmethod
    def snapshot(self) -> Mapping[int, Iterable[Item]]:
        """The dirty states by partition, encoded; they are clean from now on.

        An iterable may encode as it is consumed, while work goes on, where a state is encoded before it is changed again, or
        where one that contains more than the events of this checkpoint does no harm.
        """

    def release(self, outbox: Outbox) -> None:  # noqa: B027 - a stage may hold back nothing
        """Put outputs into ``outbox`` that were held back to be sent together; called several times a second, and before
        a checkpoint covers them."""

    @abc.abstractmethod
    def restore(self, partitions: set[int]) -> None:
        """``partitions`` are this worker's, their table is recovered."""

    @abc.abstractmethod
    def forget(self) -> None:
        """Drop all cached state: the partitions may belong to others."""

    def dirty_size(self) -> int:
        """Estimated bytes of dirty state."""
        return 0

    # ---- in
    async def _consume(self, stream: Any) -> None:
        """The agent: Faust assigns partitions to it and ends it; batches come to ``_take_in``."""
        app = self.app
        self._tasks = [
            asyncio.create_task(self._guard(self._drain())),
            asyncio.create_task(self._guard(self._ticker())),
            asyncio.create_task(self._guard(watch(app.pauses, app.stuck))),
        ]
        try:
            async for event in stream.events():
                raise RuntimeError(f"a source record came through Faust, which should not read any: {event}")
        finally:
            for task in self._tasks:
                task.cancel()

    def _take_in(self, batches: list[RecordBatch]) -> None:
        if self._open:  # else it stops
            self._pending.extend(batches)
            self._wake.set()

    async def _guard(self, coroutine: Any) -> None:
        """Whatever a task of the stage raises stops the worker before an offset is committed (rule 3)."""
        try:
            await coroutine
        except asyncio.CancelledError:
            raise
        except Exception as exc:
            await self._crash(exc)

    async def _crash(self, exc: BaseException) -> None:
        self.crashed = self.crashed or exc
        self._open = False
        await self.app.crash(exc)

    async def _drain(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                if time.monotonic() - self._writing_since > PATIENCE:
                    async with self._checkpointing:
                        pass  # it is through, or the stage has crashed
                async with self._lock:
                    batches = self._next_group()
                    self.app.consumer.taken(sum(map(len, batches)))
                    if batches and self._open:
                        await self._group(batches)
                if self.dirty_size() >= self.dirty_bytes:
                    await self.checkpoint()

    def _next_group(self) -> list[RecordBatch]:
        """Pending batches from the oldest on: many while catching up, few live records, so that answers leave early."""
        taken = records = 0
        for batch in self._pending:
            limit = MAX_GROUP_RECORDS if len(batch) > LIVE_BATCH_RECORDS else LIVE_GROUP_RECORDS
            if taken and records + len(batch) > limit:
                break
            taken, records = taken + 1, records + len(batch)
        batches, self._pending = self._pending[:taken], self._pending[taken:]
        return batches

    async def _group(self, batches: list[RecordBatch]) -> None:
        started = time.perf_counter()
        for batch in batches:
            self._continuity.check(batch)
        self.on_group(sum(map(len, batches)))
        outbox = Outbox()
        with self.app.stuck.working():
            await self.compute(batches, outbox)
        self._worked_on.extend(batches)
        await self.emit(outbox)
        self.durations.group = time.perf_counter() - started

    async def _emit_held(self) -> None:
        """Call with the lock held."""
        outbox = Outbox()
        self.release(outbox)
        await self.emit(outbox)

    async def emit(self, outbox: Outbox) -> None:
        """Have what is in ``outbox`` sent, and empty it; the next checkpoint awaits the delivery."""
        self._sending.put(outbox)
        with self.app.stuck.waiting():
            await self._sending.room()

    # ---- checkpoint
    async def checkpoint(self) -> None:
        """Make durable what was computed so far; raises what the broker refuses."""
        async with self._checkpointing:
            async with self._lock:
                if not self._open:
                    return
                covered = await self._take()
            await self._write(covered)

    async def _take(self) -> _Covered:
        """Call with the lock held."""
        await self._emit_held()
        covered = _Covered(await self._sending.flush(), self.snapshot(), self._worked_on)
        self._worked_on = []
        self._written_at = time.monotonic()
        return covered

    async def _write(self, covered: _Covered) -> None:
        if not (covered.batches or covered.outputs or covered.states):
            return
        self._writing_since = started = time.monotonic()
        self.crash_point("outputs")
        await self._sending.delivered(covered.outputs)
        self.crash_point("changelog")
        self.app.pauses.check()
        size = 0
        if self.table is not None and covered.states:
            size = await self.table.write(covered.states)
        self.crash_point("acknowledge")
        for batch in covered.batches:
            self.app.consumer.ack_batch(batch)
        self.crash_point("commit")
        await self.app.consumer.commit()
        self._writing_since = math.inf  # where any of this raises, the stage has crashed
        self.durations.checkpoint = time.monotonic() - started
        self.on_checkpoint(self.durations.checkpoint, size)

    async def _ticker(self) -> None:
        """Without traffic, too, the last second is written."""
        pause = min(0.2, self.interval / 2)
        while True:
            await asyncio.sleep(pause)
            await self.tick()
            self._sending.check()
            async with self._lock:
                if self._open:
                    await self._emit_held()
            due = time.monotonic() - self._written_at >= self.due_interval()
            waiting = self._worked_on or self._sending or self.dirty_size()
            if due and waiting and not self._checkpointing.locked():
                self._checkpoint_task = asyncio.create_task(self._guard(self.checkpoint()))

    @property
    def is_open(self) -> bool:
        """Whether the stage works: its partitions are assigned and their state is recovered."""
        return self._open

    def key_count(self) -> int:
        """Keys of the table's partitions that are this worker's, as the store estimates them."""
        if self.table is None:
            return 0
        owned = {tp.partition for tp in self.app.consumer.assignment() if tp.topic == self.table.changelog}
        return sum(self.table.data.count(partition) for partition in owned)

    def due_interval(self) -> float:
        """Seconds between checkpoints."""
        return self.interval

    async def tick(self) -> None:  # noqa: B027 - a stage may have nothing to do
        """Called several times a second."""

    # ---- partitions
    async def _on_revoked(self, *_args: Any, **_kwargs: Any) -> None:
        try:
            async with self._checkpointing, self._lock:
                self._pending.clear()
                if self._open and self.crashed is None:
                    self._open = False
                    await self._write(await self._take())
        except Exception as exc:
            await self._crash(exc)
        finally:
            self._drop()

    def _drop(self) -> None:
        self._open = False
        self._pending.clear()
        self._sending.forget()
        self._worked_on = []
        self._continuity.forget()
        self.forget()

    async def _on_recovered(self, *_args: Any, **_kwargs: Any) -> None:
        try:
            async with self._checkpointing, self._lock:
                self._drop()
                if self.table is not None:
                    self.table.check_changelog()
                await self.check_topics()
                self.restore({tp.partition for tp in self.app.consumer.assignment()})
                self.app.pauses.alive()
                self._open = True
        except Exception as exc:
            await self._crash(exc)

    async def close(self, grace: float) -> bool:
        """Last checkpoint before the app stops; False when the broker did not take it within ``grace`` seconds."""
        try:
            async with asyncio.timeout(grace):
                async with self._checkpointing, self._lock:
                    if not self._open or self.crashed is not None:
                        return self.crashed is None
                    self._open = False
                    await self._write(await self._take())
        except TimeoutError:
            return False
        finally:
            for task in self._tasks:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        return True


async def _nothing() -> None:
    """No check."""
