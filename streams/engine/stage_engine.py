"""The engine of a stage: groups of records come in, outputs are sent at once, a checkpoint makes the work durable.

The work itself is done by a Faust agent, which takes each group in a turn::

    @app.agent(engine.groups)
    async def counts(groups):
        async for group in groups:
            async with engine.turn(group) as turn:
                count(group, turn.outbox)

The order of a checkpoint, as numbered in ``docs/architecture.md``:

1. between two groups, take the outputs under way, the dirty (changed) states and the batches in them; work goes on;
2. await the delivery of the outputs;
3. write the dirty states to the changelog and await it, then to the local store, its changelog offset last;
4. acknowledge the batches and commit their offsets.

A crash between any two steps repeats at most the records since the last finished checkpoint. The states then contain
none of them, or (crash in step 3 or 4) say up to which offsets they do, so that nothing is learned twice. To bound
what is repeated, work goes on for only ``PATIENCE`` seconds while a broker or a disk keeps a checkpoint waiting.

A revocation waits for the group and the checkpoint under way, then writes a last checkpoint, and only then are the
partitions given up: a late write of the old owner would overwrite the new owner's states.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from streams.engine.app import BatchApp
from streams.engine.batch import Group, RecordBatch
from streams.engine.groups import GroupChannel
from streams.engine.guards import watch
from streams.engine.observer import Observer
from streams.engine.outbox import Outbox
from streams.engine.positions import SourcePositions
from streams.engine.sending import Delivery, Sending
from streams.engine.states import States
from streams.engine.store import Row
from streams.engine.table import BatchTable

log = logging.getLogger(__name__)

PATIENCE = 5.0


@dataclass(slots=True)
class _Covered:
    """What one checkpoint makes durable."""

    outputs: Delivery
    states: Mapping[int, Iterable[Row]]
    batches: list[RecordBatch]


class Turn:
    """Work on one group: ``outbox`` is sent when it ends, or before with ``send``."""

    def __init__(self, engine: StageEngine) -> None:
        self._engine = engine
        self.outbox = Outbox()

    async def send(self) -> None:
        """Have what is in the outbox sent, and empty it; the next checkpoint awaits the delivery."""
        await self._engine.send(self.outbox)


class StageEngine:
    """Runs groups, checkpoints and guards for one agent. All methods run on the event loop."""

    def __init__(
        self, app: BatchApp, name: str, topics: Sequence[str], states: States, table: BatchTable | None = None, *,
        interval: float, dirty_bytes: int = 16 << 20, observer: Observer | None = None,
    ) -> None:  # fmt: skip
        """``table`` is None for a stage without states.

        ``interval``: seconds between two checkpoints; ``dirty_bytes``: size of dirty states that starts one early.
        """
        self.app, self.name, self.states, self.table = app, name, states, table
        self.crashed: BaseException | None = None
        self._interval, self._dirty_bytes = interval, dirty_bytes
        self._observer, self._clock = observer or Observer(), app.clock
        self._lock = asyncio.Lock()  # held by work on one group, or by the snapshot for a checkpoint
        self._checkpointing = asyncio.Lock()
        self._sending = Sending(app.brokers, app.conf.id, self._observer.sent, self._clock)
        self._worked_on: list[RecordBatch] = []
        self._open = False
        self._written_at = self._clock.monotonic()
        self._writing_since = math.inf
        self._tasks: list[asyncio.Task[None]] = []
        self._checkpoint_task: asyncio.Task[None] | None = None
        app.observer, app.expect = self._observer, states.expect
        app.subscribe(*topics)
        app.on_partitions_revoked.connect(self._on_revoked)
        app.on_rebalance_complete.connect(self._on_recovered)

    # ---- work
    @property
    def groups(self) -> GroupChannel:
        """What the stage's agent iterates over."""
        return self.app.groups

    @property
    def is_open(self) -> bool:
        """Whether the stage works: its partitions are assigned and their state is recovered."""
        return self._open

    @contextlib.asynccontextmanager
    async def turn(self, group: Group) -> AsyncIterator[Turn]:
        """Work on a group; no checkpoint begins meanwhile.

        A group from before a rebalance is void: its batches are removed. Whatever the work raises ends the turn and
        stops the worker before an offset is committed.
        """
        await self._be_patient()
        async with self._lock:
            try:
                turn = Turn(self)
                self._begin(group)
                with self.app.stuck.working():
                    yield turn
                self._worked_on.extend(group)
                await turn.send()
            except Exception as exc:
                await self._crash(exc)  # the agent goes on to groups that are void, until the worker ends
        if (reason := self.states.must_stop()) is not None and self._open:
            await self._guard(self._stop_behind(reason))
        elif self.states.dirty_size() >= self._dirty_bytes:
            await self._guard(self.checkpoint())

    async def _stop_behind(self, reason: BaseException) -> None:
        await self.checkpoint()
        await self._crash(reason)

    async def _be_patient(self) -> None:
        if self._clock.monotonic() - self._writing_since > PATIENCE:
            async with self._checkpointing:
                pass  # the checkpoint is done, or the stage has crashed

    def _begin(self, group: Group) -> None:
        consumer = self.app.consumer
        consumer.taken(group.records)
        positions: SourcePositions | None = consumer.positions if self._open else None
        group.batches = [batch for batch in group if positions is not None and batch.origin is positions]
        if positions is None or not group.batches:
            return
        for batch in group:
            positions.begin(batch)
        self._observer.group(group.records)

    async def send(self, outbox: Outbox) -> None:
        """Have what is in ``outbox`` sent, and empty it; the next checkpoint awaits the delivery."""
        self._sending.put(outbox)
        with self.app.stuck.waiting():
            await self._sending.room()

    async def _send_held(self) -> None:
        """Call with the lock held."""
        outbox = Outbox()
        self.states.release(outbox)
        await self.send(outbox)

    async def _crash(self, exc: BaseException) -> None:
        self.crashed = self.crashed or exc
        self._open = False
        await self.app.crash(exc)

    # ---- checkpoint
    async def checkpoint(self) -> None:
        """Make durable what was done so far.

        Raises :class:`DeliveryError` when the broker refuses a record, and what the guards and the local store raise.
        """
        async with self._checkpointing:
            async with self._lock:
                if not self._open:
                    return
                covered = await self._take()
            await self._write(covered)

    async def _take(self) -> _Covered:
        """Call with the lock held."""
        await self._send_held()
        covered = _Covered(await self._sending.flush(), self.states.snapshot(), self._worked_on)
        self._worked_on = []
        self._written_at = self._clock.monotonic()
        return covered

    async def _write(self, covered: _Covered) -> None:
        if not (covered.batches or covered.outputs or covered.states):
            return
        step = self._observer.step
        self._writing_since = started = self._clock.monotonic()
        step("outputs")
        await self._sending.delivered(covered.outputs)
        step("changelog")
        self.app.pauses.check()
        size = 0
        if self.table is not None and covered.states:
            size = await self.table.write(covered.states)
        step("acknowledge")
        positions: SourcePositions | None = self.app.consumer.positions
        if positions is not None:
            positions.settle(covered.batches)
        step("commit")
        await self.app.consumer.commit_sources()
        self._writing_since = math.inf  # not in a `finally`: where any of this raises, the stage crashes
        self._observer.checkpoint(self._clock.monotonic() - started, size)

    async def _ticker(self) -> None:
        """Several times a second, with traffic or without: periodic work, and a checkpoint when one is due."""
        pause = min(0.2, self._interval / 2)
        while True:
            await asyncio.sleep(pause)
            self.states.tick()
            if self._open:
                self.states.sweep(writing=self._checkpointing.locked())
            self._sending.check()
            async with self._lock:
                if self._open:
                    await self._send_held()
            due = self._clock.monotonic() - self._written_at >= self.states.due_interval(self._interval)
            waiting = self._worked_on or self._sending or self.states.dirty_size()
            if due and waiting and not self._checkpointing.locked():
                self._checkpoint_task = asyncio.create_task(self._guard(self.checkpoint()))

    async def _guard(self, work: Awaitable[None]) -> None:
        """Await ``work``; whatever it raises stops the worker."""
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Exception as exc:
            await self._crash(exc)

    # ---- partitions
    async def _on_revoked(self, *_args: Any, **_kwargs: Any) -> None:
        try:
            async with self._checkpointing, self._lock:
                self.groups.clear()
                if self._open and self.crashed is None:
                    self._open = False
                    await self._write(await self._take())
        except Exception as exc:
            await self._crash(exc)
        finally:
            self._drop()

    def _drop(self) -> None:
        self._open = False
        self.groups.clear()
        self._sending.forget()
        self._worked_on = []
        self.states.forget()

    async def _on_recovered(self, *_args: Any, **_kwargs: Any) -> None:
        try:
            self._watch()
            async with self._checkpointing, self._lock:
                self._drop()
                if self.table is not None:
                    self.table.check_changelog()
                await self._observer.assigned()
                self.states.restore({tp.partition for tp in self.app.consumer.assignment()})
                self.app.pauses.alive()
                self._open = True
        except Exception as exc:
            await self._crash(exc)

    def _watch(self) -> None:
        """Start the tasks beside the agent, once; before the first assignment they have nothing to do."""
        if not self._tasks:
            work = (self._ticker(), watch(self.app.pauses, self.app.stuck))
            self._tasks = [asyncio.create_task(self._guard(each)) for each in work]

    async def close(self, grace: float) -> bool:
        """Write the last checkpoint before the app stops; False when it was not done within ``grace`` seconds."""
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

    # ---- figures
    def key_count(self) -> int:
        """Estimated number of keys in the table's partitions that this worker owns."""
        if self.table is None:
            return 0
        owned = {tp.partition for tp in self.app.consumer.assignment() if tp.topic == self.table.changelog}
        return sum(self.table.data.count(partition) for partition in owned)
