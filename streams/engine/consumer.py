"""The consumer: aiokafka keeps group, assignment, heartbeats and commits and reads changelogs; librdkafka reads sources.

What differs from Faust's own consumer, and why:

* Source records come in batches from a :class:`SourceReader` and go straight to the stage (``app.on_batches``). aiokafka has
  the source partitions paused, and is asked on for changelogs: a loop that stands still asks no more and loses its partitions.
* The commit position is the end of the longest acknowledged prefix of *batches*; offset holes (transaction markers,
  compaction) mean nothing to it, so gaps are not tracked.
* Faust's recovery resumes source partitions *before* it seeks them to the committed offsets. No source is read before that is
  over; each seek and each revocation starts an epoch that voids the batches and acknowledgements of the one before.
* A changelog's records travel through Faust in one message a fetched run. Faust drops records at or below the last offset
  that it passed on, and sets that mark late, so that it could drop what comes again behind a seek: it is switched off.
* Events are read committed: aborted transactional records are never learned.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, defaultdict, deque
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import FetchResult
from aiokafka.errors import CorruptRecordException
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from streams.engine.batch import RecordBatch
from streams.engine.errors import RecordsDamagedError, records_damaged
from streams.engine.source import Fetched, Record, SourceReader

FETCH_MAX_WAIT_MS = 500  # Faust's 1,500 delays a shut-down; a waiting fetch is woken by data in any case
# Seconds that a changelog fetch waits for records, and the next seek for it
RECOVERY_WAIT = 0.05
IDLE_WAIT = 0.25


class BatchConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """Faust's consumer thread with read-committed isolation."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # Both are read by AIOKafkaConsumer.start(), which comes later.
        consumer._fetch_max_wait_ms = FETCH_MAX_WAIT_MS
        consumer._isolation_level = "read_committed"
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
    """Hands out :class:`RecordBatch` messages; see the module's text."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.epoch = 0
        self._reader: SourceReader | None = None
        self._starts: dict[TP, int | None] = {}  # committed offsets of sources
        self._moves = 0  # times that partitions were taken or given
        self._sought = -1  # moves before the last seek
        self._highwaters: dict[TP, int] = {}
        self._ends: dict[TP, int] = {}  # positions that were reached with nothing behind them
        self._inflight: defaultdict[TP, deque[int]] = defaultdict(deque)  # last offsets of batches handed out
        self._handed: dict[TP, int] = {}
        self._covered: dict[TP, int] = {}  # commit positions reached
        self._committing: dict[TP, int] = {}  # commit positions that the broker does not have yet
        self._waiting_since: dict[TP, float] = {}
        super().__init__(*args, **kwargs)
        self._read_offset = _NoReadOffsets()
        self._seek_lock = asyncio.Lock()

    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    # ---- changelogs
    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:
        if not self.flow_active:
            await self.wait(self.can_resume_flow)  # without the lock: the seeks come before
        async with self._seek_lock:
            if self.should_stop or not self.flow_active:
                return
            if self.sources_open and self._reader is None:
                self._read_sources()
            epoch = self.epoch
            # A copy: Faust changes its set while the fetch waits, and aiokafka takes an empty one for all partitions.
            active = frozenset(self._get_active_partitions())
            wait = min(timeout, IDLE_WAIT if self.sources_open else RECOVERY_WAIT)
            records = await self._fetched(active, wait) if active else {}
        if not active:
            await self.sleep(IDLE_WAIT)
        for tp, run in records.items():
            if epoch != self.epoch or self.should_stop:
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
        """With which a recovery begins. A fetch under way would take what comes behind the seek, to be dropped."""
        async with self._seek_lock:
            self.epoch += 1
            await super().seek_wait(partitions)

    def _message(self, tp: TP, run: list[Any]) -> ConsumerMessage:
        batch, last = RecordBatch(tp, run, epoch=self.epoch, previous=None), run[-1]
        return ConsumerMessage(
            tp.topic, tp.partition, batch.last, last.timestamp / 1000.0, last.timestamp_type,
            None, None, batch, None, 0, 0, tp, generation_id=self.app.consumer_generation_id,
        )  # fmt: skip

    # ---- sources
    @property
    def sources_open(self) -> bool:
        """Whether recovery is over and no rebalance is under way.

        Faust says so, too, when a recovery ends while the next rebalance has begun: the seek must be this assignment's.
        """
        over = self.app.tables.recovery.completed.is_set() and not self.app.rebalancing
        return bool(over and self._sought == self._moves)

    def is_source(self, tp: TP) -> bool:
        """Whether its records are events, not a changelog's states."""
        return tp.topic not in self.app.tables.changelog_topics

    def _read_sources(self) -> None:
        starts = {tp: self._starts[tp] for tp in self.assignment() if self.is_source(tp)}
        self._reader = SourceReader(
            self.app.brokers, self.app.conf.id, starts, self._arrived, self.app.most_waiting, self.app.fetch_wait
        )

    def _stop_reading(self) -> None:
        if self._reader is not None:
            self._reader.stop()
            self._reader = None
        self.epoch += 1

    def _arrived(self, reader: SourceReader, fetched: Fetched) -> None:
        if reader is not self._reader:
            return  # from before a rebalance: it comes again
        if fetched.failure is not None:
            self.app._crash(fetched.failure)
            return
        self.app.on_batches([self._batch(tp, run) for tp, run in self._runs(fetched.runs)])
        self._ends.update(fetched.ends)
        self._highwaters.update(fetched.highwaters)

    def taken(self, records: int) -> None:
        """So many of the records that were handed out are worked on: there is room for more."""
        if self._reader is not None:
            self._reader.taken(records)

    def _runs(self, records: dict[TP, list[Record]]) -> Iterator[tuple[TP, list[Record]]]:
        """Round robin over partitions, up to ``app.batch_size(run)`` records at a time."""
        queues = []
        for tp, run in records.items():
            size = self.app.batch_size(run)
            queues.append((tp, deque(run[i : i + size] for i in range(0, len(run), size))))
        while queues:
            for tp, queue in queues:
                if queue:
                    yield tp, queue.popleft()
            queues = [(tp, queue) for tp, queue in queues if queue]

    def _batch(self, tp: TP, run: list[Record]) -> RecordBatch:
        batch = RecordBatch(tp, run, epoch=self.epoch, previous=self._handed.get(tp))
        self._handed[tp] = batch.last
        if not self._inflight[tp]:
            self._covered[tp] = batch.first
            if tp not in self._committing:
                self._waiting_since[tp] = time.monotonic()
        self._inflight[tp].append(batch.last)
        return batch

    # ---- acknowledgements
    def ack_batch(self, batch: RecordBatch) -> None:
        """It is worked on and durable: the next commit may contain it."""
        if batch.epoch == self.epoch:  # else from before a rebalance: it comes again
            self._acked_index[batch.tp].add(batch.last)
            self._acked[batch.tp].append(batch.last)

    def _new_offset(self, tp: TP) -> int | None:
        waiting, acked = self._inflight[tp], self._acked_index[tp]
        last = None
        while waiting and waiting[0] in acked:
            last = waiting.popleft()
            acked.discard(last)
        self._acked[tp][:] = acked
        if last is None:
            return None
        self._covered[tp] = last + 1
        return last + 1

    async def _commit_offsets(self, offsets: Mapping[TP, int], start_new_transaction: bool = True) -> bool:
        """A commit is one once the broker has it; one that was refused by a rebalance ends with the seek after it."""
        self._committing.update(offsets)
        committed = bool(await super()._commit_offsets(offsets, start_new_transaction=start_new_transaction))
        for tp in offsets if committed else ():
            if self._committing.pop(tp, None) is not None:
                self._waiting_since[tp] = time.monotonic()
        return committed

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Holes are no gaps: see ``_new_offset``."""

    def done(self, tp: TP) -> int | None:
        """Offset up to which ``tp`` is worked on and durable.

        With nothing in flight that is where the partition ended for now, behind transaction markers, unlike last record + 1.
        """
        if self._inflight.get(tp):
            return self._covered[tp]
        reached = (self._ends.get(tp), self._covered.get(tp), self._starts.get(tp))
        return max((offset for offset in reached if offset is not None), default=None)

    def highwater(self, tp: TP) -> int | None:
        """Where ``tp`` ends, open transactions included; up to a second late."""
        return self._highwaters.get(tp) if self.is_source(tp) else int(super().highwater(tp))

    def uncommitted_since(self, tp: TP) -> float | None:
        """Monotonic time since when batches of ``tp`` wait for the next commit; None when none does."""
        return self._waiting_since.get(tp) if self._inflight.get(tp) or tp in self._committing else None

    # ---- seeks and rebalances
    def _forget(self, tps: Iterable[TP]) -> None:
        for tp in list(tps):
            for state in (
                self._inflight,
                self._handed,
                self._acked,
                self._acked_index,
                self._covered,
                self._committing,
                self._waiting_since,
                self._ends,
                self._highwaters,
                self._starts,
            ):
                state.pop(tp, None)

    async def perform_seek(self) -> None:
        async with self._seek_lock:
            self._stop_reading()
            self._forget(self._handed.keys() | self._inflight.keys() | self._committing.keys() | self._ends.keys())
            moves = self._moves
            await super().perform_seek()
            self._sought = moves

    async def seek_to_committed(self) -> Mapping[TP, int]:
        committed: Mapping[TP, int] = await super().seek_to_committed()
        self._starts = {tp: offset for tp, offset in committed.items() if self.is_source(tp)}
        return committed

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        self._moves += 1
        if self._reader is not None:
            self._reader.stop()  # what it hands over from now on is nobody's
            self._reader = None
        await super().on_partitions_revoked(revoked)
        self.epoch += 1
        self._forget(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        self._moves += 1
        await super().on_partitions_assigned(assigned, generation_id)

    async def on_stop(self) -> None:
        await super().on_stop()
        self._stop_reading()
