"""The consumer. aiokafka does group membership, heartbeats and commits and reads changelogs; librdkafka reads sources.

What differs from Faust's own consumer, and why:

* Source records come from a :class:`SourceReader` and go to the agent's channel (``app.groups``). In aiokafka the
  source partitions are paused. It is still polled, also where there is no changelog: a worker whose event loop is
  blocked stops polling, and so the group takes its partitions away.
* :class:`SourcePositions` knows which offsets may be committed. Faust's own acknowledgements are not used.
* Faust's recovery resumes source partitions *before* it seeks them to the committed offsets. So sources are opened
  only after recovery and after that seek. The next seek or revocation closes them.
* All changelog records of a partition in one fetch travel through Faust as one message.
* Faust drops records at or below the last offset that it passed on. It updates this mark late and could drop records
  that are read again after a seek, so the mark is switched off.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import FetchResult
from aiokafka.errors import KafkaError
from faust.exceptions import ConsumerNotStarted
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from streams.engine.batch import RecordBatch
from streams.engine.changelog_cuts import ChangelogCuts
from streams.engine.errors import GroupRefusedError, WorkerIdTakenError, group_refused, worker_id_taken
from streams.engine.positions import SourcePositions
from streams.engine.read_errors import explained
from streams.engine.source import Fetched, Record, SourceReader
from streams.errors import StreamError

FETCH_MAX_WAIT_MS = 500  # Faust's 1,500 would delay a shutdown; data ends the wait at once in any case
# Seconds that a changelog fetch waits for records. The next seek has to wait for the fetch, so they are short.
RECOVERY_WAIT = 0.05
IDLE_WAIT = 0.25


class BatchConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """Faust's consumer thread, except that it does not read sources."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_MAX_WAIT_MS  # AIOKafkaConsumer.start() reads it later
        return consumer

    async def on_start(self) -> None:
        await super().on_start()
        self._ensure_consumer()._fetcher._records = _LeanResults()

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Pause the sources in aiokafka: :class:`SourceReader` reads them."""
        consumer = self._ensure_consumer()
        consumer.pause(*(TopicPartition(*tp) for tp in assigned if self.consumer.is_source(tp)))
        self.consumer.member = consumer._coordinator.member_id
        await super().on_partitions_assigned(assigned, generation_id)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Note whether the broker no longer knows this member: aiokafka has dropped the member's id then."""
        self.consumer.unknown = not self._ensure_consumer()._coordinator.member_id
        await super().on_partitions_revoked(revoked)

    def check_group(self) -> None:
        """Raises what keeps this member from joining its group: aiokafka waits until somebody asks."""
        with contextlib.suppress(ConsumerNotStarted):
            self._ensure_consumer()._coordinator.check_errors()

    def leave_on_stop(self) -> None:
        """Leave the group at the end also where the member has a name; aiokafka would keep its place until it returns.

        The partitions of a worker that does not come back would wait for its session to end.
        """
        with contextlib.suppress(ConsumerNotStarted):
            self._ensure_consumer()._coordinator._group_instance_id = None


class _LeanResults(OrderedDict[Any, Any]):
    """aiokafka's fetch results, which hand out its parsed records as they are.

    aiokafka would make a ``ConsumerRecord`` with eleven fields of each, which costs more than parsing it.
    """

    def __setitem__(self, tp: Any, result: Any) -> None:
        if isinstance(result, FetchResult):
            result._partition_records._consumer_record = _as_parsed
        super().__setitem__(tp, result)


def _as_parsed(_tp: Any, record: Any) -> Any:
    return record


class _NoReadOffsets(dict[TP, int | None]):
    """Faust's mark of the last offset that it passed on, never set (see the module's docstring)."""

    def __missing__(self, tp: TP) -> None:
        return None

    def __setitem__(self, tp: TP, offset: int | None) -> None:
        """Store nothing."""

    def update(self, *_args: Any, **_kwargs: Any) -> None:
        """Store nothing."""


class BatchConsumer(driver.Consumer):  # type: ignore[misc]
    """The consumer of one stage; the module's docstring says what differs from Faust's."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.seeks = 0
        """Seeks of changelogs so far; records fetched before the last one are void."""
        self.positions: SourcePositions | None = None
        """Progress in the open sources; None while none are open."""
        self.member = ""
        """Id that the broker gave this member for its last assignment."""
        self.unknown = False
        """Whether the broker has said since then that it does not know this member."""
        self._reader: SourceReader | None = None
        self._behind: set[TP] = set()
        """Partitions of the open sources whose end was not reached yet."""
        self._backlog: int | None = None
        """How many records it took to reach all ends; None before, and once they are worked off."""
        self._starts: Mapping[TP, int | None] | None = None
        """Committed offsets of the assigned sources; None until Faust has sought them."""
        self._rebalances = 0
        super().__init__(*args, **kwargs)
        self._cuts = ChangelogCuts(self.app, super().earliest_offsets)
        self._read_offset = _NoReadOffsets()
        self._seek_lock = asyncio.Lock()

    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    # ---- changelogs
    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:
        """Fetch changelog records, one message a partition; opens the sources once they may be read."""
        if not self.flow_active:
            await self.wait(self.can_resume_flow)  # not under the lock: a seek, which takes it, comes first
        async with self._seek_lock:
            if self.should_stop or not self.flow_active:
                return
            if self._may_open_sources() and self._reader is None:
                self._open_sources()
            seeks = self.seeks
            # A copy: Faust empties its set while the fetch waits, and to aiokafka an empty set means all partitions.
            active = frozenset(self._get_active_partitions())
            wait = min(timeout, RECOVERY_WAIT if self._reader is None else IDLE_WAIT)
            records = await self._fetched(active, wait) if active else {}
            if self._reader is None and seeks == self.seeks:
                await self._cuts.look(records)
        if not active:
            await self.sleep(IDLE_WAIT)
        for tp, run in records.items():
            if seeks != self.seeks or self.should_stop:
                return  # these records are read again after the seek
            if not self.is_source(tp):
                yield tp, self._message(tp, run)

    async def _fetched(self, active: frozenset[TP], wait: float) -> Mapping[TP, list[Any]]:
        try:
            return await self._getmany(active, wait) or {}
        except KafkaError as exc:
            known = explained(exc, ", ".join(sorted({tp.topic for tp in active})))
            if known is None:
                raise
            await self.app.crash(known)
            return {}

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        """Where changelogs begin; recovery asks this first, and what it lacks before that is gone."""
        earliest: Mapping[TP, int] = await super().earliest_offsets(*partitions)
        self._cuts.begin(earliest)
        return earliest

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Begin a recovery. Waits for a fetch under way, which would take records of after the seek and drop them."""
        async with self._seek_lock:
            self.seeks += 1
            await super().seek_wait(partitions)

    def _message(self, tp: TP, run: list[Any]) -> ConsumerMessage:
        batch, last = RecordBatch(tp, run, origin=self.seeks), run[-1]
        return ConsumerMessage(
            tp.topic, tp.partition, batch.last, last.timestamp / 1000.0, last.timestamp_type,
            None, None, batch, None, 0, 0, tp, generation_id=self.app.consumer_generation_id,
        )  # fmt: skip

    # ---- sources
    def is_source(self, tp: TP) -> bool:
        """Whether the partition is of a source topic, not of a changelog."""
        return tp.topic not in self.app.tables.changelog_topics

    def _may_open_sources(self) -> bool:
        """Whether recovery is over, no rebalance is under way, and this assignment has been sought.

        Faust reports the first two also where a recovery ends after the next rebalance began, hence the third.
        """
        over = self.app.tables.recovery.completed.is_set() and not self.app.rebalancing
        return over and self._starts is not None

    def _open_sources(self) -> None:
        assert self._starts is not None
        self._cuts.end()
        self._behind, self._backlog = set(self._starts), None
        self.positions = SourcePositions(self._starts, self.app.clock)
        intake = self.app.intake
        self._reader = SourceReader(
            self.app.brokers, self.app.conf.id, self._starts, self._arrived, intake.most_waiting,
            self.app.clock, intake.fetch_wait,
        )  # fmt: skip

    def _stop_reading(self) -> None:
        """Stop the reader; what it still hands over is dropped (see ``_arrived``)."""
        if self._reader is not None:
            self._reader.stop()
            self._reader = None

    def _arrived(self, reader: SourceReader, fetched: Fetched) -> None:
        if reader is not self._reader or self.positions is None:
            return  # read before a rebalance: these records are read again
        if fetched.failure is not None:
            self.app._crash(fetched.failure)
            return
        for gap in fetched.gaps:
            self.app.observer.gap(gap)
        if fetched.waiting is not None:
            self.app.expect(fetched.waiting)
        if self._behind:
            self._behind -= fetched.ends.keys()
            self._backlog = None if self._behind else reader.handed
        try:
            self.app.groups.offer([self.positions.hand_out(tp, run) for tp, run in self._runs(fetched.runs)])
        except StreamError as exc:
            self.app._crash(exc)
        self.positions.see(fetched.ends, fetched.highwaters)

    def taken(self, records: int) -> None:
        """Tell the reader that the stage has taken so many records: there is room for more."""
        if self._reader is None:
            return
        if self._backlog is not None and self._reader.taken_records >= self._backlog:
            self._backlog = None
            self.app.expect(0)  # offsets are more than records: what waited may end before as many were seen
        self._reader.taken(records)

    def _runs(self, records: dict[TP, list[Record]]) -> Iterator[tuple[TP, list[Record]]]:
        """Cut the records into batches of up to ``Intake.batch_size``, round robin over the partitions."""
        now_ms, queues = self.app.clock.now_ms(), []
        for tp, run in records.items():
            size = self.app.intake.batch_size(run[-1].timestamp, now_ms)
            queues.append((tp, deque(run[i : i + size] for i in range(0, len(run), size))))
        while queues:
            for tp, queue in queues:
                if queue:
                    yield tp, queue.popleft()
            queues = [(tp, queue) for tp, queue in queues if queue]

    async def commit_sources(self) -> None:
        """Commit what is durable. Where a rebalance makes the broker refuse, the records are read again after it."""
        positions = self.positions
        offsets = positions.to_commit() if positions is not None else {}
        if positions is not None and offsets and await self._commit(offsets):
            positions.committed(offsets)

    # ---- the group
    async def check_group(self) -> None:
        """Raises :class:`GroupRefusedError` where the broker does not let this worker into the group."""
        try:
            await self._thread.call_thread(self._thread.check_group)
        except KafkaError as exc:
            found = str(exc) if type(exc) is KafkaError else type(exc).__name__
            raise GroupRefusedError(group_refused(self.app.conf.id, found)) from exc

    # ---- seeks and rebalances
    async def perform_seek(self) -> None:
        async with self._seek_lock:
            self._stop_reading()
            self.positions = None
            rebalances = self._rebalances
            await super().perform_seek()
            if rebalances != self._rebalances:
                self._starts = None  # a rebalance came meanwhile: the seek was for the previous assignment

    async def seek_to_committed(self) -> Mapping[TP, int]:
        committed: Mapping[TP, int] = await super().seek_to_committed()
        self._starts = {tp: offset for tp, offset in committed.items() if self.is_source(tp)}
        return committed

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        self._rebalances += 1
        self._starts = None
        self._stop_reading()
        await self._refuse_lost_place()
        await super().on_partitions_revoked(revoked)  # the stage writes its last checkpoint
        self.positions = None

    async def _refuse_lost_place(self) -> None:
        """Stop where another worker has this one's name in the group: it writes the states of the partitions now."""
        name = self.app.conf.consumer_group_instance_id
        if name and self.unknown and self.member:
            group = self.app.conf.id
            if await self.app.observer.taken_over(group, name, self.member):
                await self.app.crash(WorkerIdTakenError(worker_id_taken(group, name)))
                await asyncio.Event().wait()  # never: no last checkpoint, the worker ends

    def leave_on_stop(self) -> None:
        """Leave the group when the app stops, also as a named member (see the thread's)."""
        self._thread.leave_on_stop()

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        self._rebalances += 1
        self._starts = None
        await super().on_partitions_assigned(assigned, generation_id)

    async def on_stop(self) -> None:
        await super().on_stop()
        self._stop_reading()
        self.positions = None
