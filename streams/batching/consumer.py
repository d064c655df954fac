"""The consumer: aiokafka keeps group, assignment, heartbeats and commits; records leave it in batches.

Every topic of a :class:`BatchApp` is batched. What differs from Faust's own consumer, and why:

* ``getmany`` yields one message a (partition, run of records); its offset is the last record's.
* The commit position is the end of the longest acknowledged prefix of *batches*; offset holes (transaction markers,
  compaction) mean nothing to it, so gaps are not tracked.
* Faust's recovery resumes source partitions *before* it seeks them to the committed offsets; records fetched in between
  come again after the seek. So no source record is handed out during a rebalance and its recovery, no fetch straddles a
  seek (one lock), and each seek starts an epoch that voids the batches and acknowledgements of the one before.
* Faust drops records at or below the last offset that it passed on, and sets that mark late: a record from before a seek
  could make it drop what comes again. Epochs do this work here, so its mark is switched off.
* Events are read committed: aborted transactional records are never learned.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, defaultdict, deque
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any

from aiokafka.consumer.fetcher import FetchResult
from aiokafka.errors import CorruptRecordException
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from streams.batching.batch import RecordBatch
from streams.batching.errors import RecordsDamagedError, records_damaged

FETCH_MAX_WAIT_MS = 500  # Faust's 1,500 delays a shut-down; a waiting fetch is woken by data in any case
RECOVERY_WAIT = 0.05  # seconds: the seek that ends a recovery waits for the fetch that found nothing more


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

    # ---- out
    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:
        async with self._seek_lock:
            epoch = self.epoch
            try:
                wait = timeout if self.sources_open else min(timeout, RECOVERY_WAIT)
                records, active = await self._wait_next_records(wait)
            except CorruptRecordException as exc:
                await self.app.crash(RecordsDamagedError(records_damaged(str(exc))))
                return
        generation = self.app.consumer_generation_id
        if records is None or self.should_stop:
            return
        if not self.flow_active:
            return  # a rebalance is on: whatever was fetched is read again after its seek
        for tp, run in self._runs(records):
            stale = generation != self.app.consumer_generation_id or epoch != self.epoch
            if stale or not self.flow_active:
                return
            if tp not in active and tp not in self._buffered_partitions:
                continue
            if self._is_source(tp) and not self.sources_open:
                continue  # sought to its committed offset later, and read again from there
            yield tp, self._message(tp, run, epoch)

    @property
    def sources_open(self) -> bool:
        """Whether recovery is over and no rebalance is under way."""
        return bool(self.app.tables.recovery.completed.is_set() and not self.app.rebalancing)

    def _is_source(self, tp: TP) -> bool:
        return tp.topic not in self.app.tables.changelog_topics

    def _runs(self, records: dict[TP, list[Any]]) -> Iterator[tuple[TP, list[Any]]]:
        """Round robin over partitions, up to ``app.batch_size(run)`` records at a time; a changelog's all at once."""
        queues = []
        for tp, run in records.items():
            size = self.app.batch_size(run) if self._is_source(tp) else len(run)
            queues.append((tp, deque(run[i : i + size] for i in range(0, len(run), size))))
        while queues:
            for tp, queue in queues:
                if queue:
                    yield tp, queue.popleft()
            queues = [(tp, queue) for tp, queue in queues if queue]

    def _message(self, tp: TP, run: list[Any], epoch: int) -> ConsumerMessage:
        batch = RecordBatch(tp, run, epoch=epoch, previous=self._handed.get(tp))
        self._handed[tp] = batch.last
        if self.app.topics.acks_enabled_for(tp.topic):
            if not self._inflight[tp]:
                self._covered[tp] = batch.first
                if tp not in self._committing:
                    self._waiting_since[tp] = time.monotonic()
            self._inflight[tp].append(batch.last)
        last = run[-1]
        return ConsumerMessage(
            tp.topic, tp.partition, batch.last, last.timestamp / 1000.0, last.timestamp_type,
            None, None, batch, None, 0, 0, tp, generation_id=self.app.consumer_generation_id,
        )  # fmt: skip

    # ---- acknowledgements
    def ack(self, message: Any) -> bool:
        if message.generation_id != self.app.consumer_generation_id or message.value.epoch != self.epoch:
            return False  # from before a rebalance or a seek: it comes again
        return bool(super().ack(message))

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

        With nothing in flight that is the fetch position, which is behind transaction markers, unlike last record + 1.
        """
        if self._inflight.get(tp):
            return self._covered[tp]
        consumer = self._thread._consumer
        subscription = None if consumer is None else consumer._subscription.subscription
        assignment = None if subscription is None else subscription.assignment
        state = None if assignment is None else assignment.state_value(tp)
        return int(state.position) if state is not None and state.has_valid_position else None

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
            ):
                state.pop(tp, None)

    async def perform_seek(self) -> None:
        async with self._seek_lock:
            self.epoch += 1
            self._forget(self._handed.keys() | self._inflight.keys() | self._committing.keys())
            await super().perform_seek()

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """aiokafka leaves a partition where it is when nothing, or 0, is committed; it may be past dropped records."""
        committed: Mapping[TP, int] = await super().seek_to_committed()
        for tp, offset in committed.items():
            if not offset and self._is_source(tp):
                await self._seek(tp, 0)  # where the log begins later, aiokafka goes on to its beginning
        return committed

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        await super().on_partitions_revoked(revoked)
        self._forget(revoked)
