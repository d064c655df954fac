"""The consumer: aiokafka keeps group, assignment, heartbeats and commits and reads changelogs; librdkafka reads sources.

What differs from Faust's own consumer, and why:

* Source records come from a :class:`SourceReader` and go to the agent's channel (``app.groups``). aiokafka has the source
  partitions paused and is asked on for changelogs: a loop that stands still asks no more and loses its partitions.
* :class:`SourcePositions` knows what may be committed. Faust's own acknowledgements are not used.
* Faust's recovery resumes source partitions *before* it seeks them to the committed offsets. So sources are opened when
  recovery is over and this assignment has been sought, and closed by the next seek or revocation.
* A changelog's records travel through Faust in one message a fetched run. Faust drops records at or below the last
  offset that it passed on and sets that mark late, which could drop what comes again behind a seek: it is switched off.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import FetchResult
from aiokafka.errors import CorruptRecordException
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from streams.engine.batch import RecordBatch
from streams.engine.errors import RecordsDamagedError, records_damaged
from streams.engine.positions import SourcePositions
from streams.engine.source import Fetched, Record, SourceReader
from streams.errors import StreamError

FETCH_MAX_WAIT_MS = 500  # Faust's 1,500 delays a shut-down; a waiting fetch is woken by data in any case
# Seconds that a changelog fetch waits for records, and the next seek for it
RECOVERY_WAIT = 0.05
IDLE_WAIT = 0.25


class BatchConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """Faust's consumer thread, which leaves sources alone."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_MAX_WAIT_MS  # read by AIOKafkaConsumer.start(), which comes later
        return consumer

    async def on_start(self) -> None:
        await super().on_start()
        self._ensure_consumer()._fetcher._records = _LeanResults()

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Sources are read by :class:`SourceReader`."""
        self._ensure_consumer().pause(*(TopicPartition(*tp) for tp in assigned if self.consumer.is_source(tp)))
        await super().on_partitions_assigned(assigned, generation_id)


class _LeanResults(OrderedDict[Any, Any]):
    """aiokafka's fetched runs, that hand out its parsed records as they are.

    It would make a ``ConsumerRecord`` of each, with eleven fields, which costs more than to parse it.
    """

    def __setitem__(self, tp: Any, result: Any) -> None:
        if isinstance(result, FetchResult):
            result._partition_records._consumer_record = _as_parsed
        super().__setitem__(tp, result)


def _as_parsed(_tp: Any, record: Any) -> Any:
    return record


class _NoReadOffsets(dict[TP, int | None]):
    """Faust's mark of the last offset passed on: never set (see the module's text)."""

    def __missing__(self, tp: TP) -> None:
        return None

    def __setitem__(self, tp: TP, offset: int | None) -> None:
        """Keep nothing."""

    def update(self, *_args: Any, **_kwargs: Any) -> None:
        """Keep nothing."""


class BatchConsumer(driver.Consumer):  # type: ignore[misc]
    """See the module's text."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.seeks = 0
        """Of changelogs: what was fetched before the last one is void."""
        self.positions: SourcePositions | None = None
        """Of the sources that are open; None while none are."""
        self._reader: SourceReader | None = None
        self._starts: Mapping[TP, int | None] | None = None
        """Committed offsets of this assignment's sources, once it has been sought."""
        self._rebalances = 0
        super().__init__(*args, **kwargs)
        self._read_offset = _NoReadOffsets()
        self._seek_lock = asyncio.Lock()

    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    # ---- changelogs
    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:
        """Records of changelogs, in one message a fetched run; opens the sources once they may be read."""
        if not self.flow_active:
            await self.wait(self.can_resume_flow)  # without the lock: the seeks come before
        async with self._seek_lock:
            if self.should_stop or not self.flow_active:
                return
            if self._may_open_sources() and self._reader is None:
                self._open_sources()
            seeks = self.seeks
            # A copy: Faust changes its set while the fetch waits, and aiokafka takes an empty one for all partitions.
            active = frozenset(self._get_active_partitions())
            wait = min(timeout, RECOVERY_WAIT if self._reader is None else IDLE_WAIT)
            records = await self._fetched(active, wait) if active else {}
        if not active:
            await self.sleep(IDLE_WAIT)
        for tp, run in records.items():
            if seeks != self.seeks or self.should_stop:
                return  # it is read again after the next seek
            if not self.is_source(tp):
                yield tp, self._message(tp, run)

    async def _fetched(self, active: frozenset[TP], wait: float) -> Mapping[TP, list[Any]]:
        try:
            return await self._getmany(active, wait) or {}
        except CorruptRecordException as exc:
            await self.app.crash(RecordsDamagedError(records_damaged(str(exc))))
            return {}

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """A recovery begins with it. A fetch under way would take what comes behind the seek, to be dropped."""
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
        """Whether its records are events, not a changelog's states."""
        return tp.topic not in self.app.tables.changelog_topics

    def _may_open_sources(self) -> bool:
        """Whether recovery is over, no rebalance is under way, and this assignment has been sought.

        Faust says the first two also when a recovery ends while the next rebalance has begun.
        """
        over = self.app.tables.recovery.completed.is_set() and not self.app.rebalancing
        return over and self._starts is not None

    def _open_sources(self) -> None:
        assert self._starts is not None
        self.positions = SourcePositions(self._starts, self.app.clock)
        intake = self.app.intake
        self._reader = SourceReader(
            self.app.brokers, self.app.conf.id, self._starts, self._arrived, intake.most_waiting,
            self.app.clock, intake.fetch_wait,
        )  # fmt: skip

    def _stop_reading(self) -> None:
        """What the reader hands over from now on is nobody's."""
        if self._reader is not None:
            self._reader.stop()
            self._reader = None

    def _arrived(self, reader: SourceReader, fetched: Fetched) -> None:
        if reader is not self._reader or self.positions is None:
            return  # from before a rebalance: it comes again
        if fetched.failure is not None:
            self.app._crash(fetched.failure)
            return
        try:
            self.app.groups.offer([self.positions.hand_out(tp, run) for tp, run in self._runs(fetched.runs)])
        except StreamError as exc:
            self.app._crash(exc)
        self.positions.see(fetched.ends, fetched.highwaters)

    def taken(self, records: int) -> None:
        """So many of the records that were handed out are worked on: there is room for more."""
        if self._reader is not None:
            self._reader.taken(records)

    def _runs(self, records: dict[TP, list[Record]]) -> Iterator[tuple[TP, list[Record]]]:
        """Round robin over partitions, up to ``Intake.batch_size`` records at a time."""
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
        """Commit what is durable. What a rebalance refuses ends with the seek after it."""
        positions = self.positions
        offsets = positions.to_commit() if positions is not None else {}
        if positions is not None and offsets and await self._commit(offsets):
            positions.committed(offsets)

    # ---- seeks and rebalances
    async def perform_seek(self) -> None:
        async with self._seek_lock:
            self._stop_reading()
            self.positions = None
            rebalances = self._rebalances
            await super().perform_seek()
            if rebalances != self._rebalances:
                self._starts = None  # it was the assignment before that was sought

    async def seek_to_committed(self) -> Mapping[TP, int]:
        committed: Mapping[TP, int] = await super().seek_to_committed()
        self._starts = {tp: offset for tp, offset in committed.items() if self.is_source(tp)}
        return committed

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        self._rebalances += 1
        self._starts = None
        self._stop_reading()
        await super().on_partitions_revoked(revoked)  # the stage writes its last checkpoint
        self.positions = None

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        self._rebalances += 1
        self._starts = None
        await super().on_partitions_assigned(assigned, generation_id)

    async def on_stop(self) -> None:
        await super().on_stop()
        self._stop_reading()
        self.positions = None
