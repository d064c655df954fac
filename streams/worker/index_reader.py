"""Keeps the worker's item index current from ``item-state.v1``, which every worker reads in whole, without a group.

Rows of partitions that this process's own items stage writes are skipped: those in the index are newer.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from faust.types import TP

from operators.state.item_codec import decode_item
from streams.broker.brokers import Brokers
from streams.broker.update_messages import META_KEY
from streams.engine import Gap, aiokafka_options, explained
from streams.errors import StreamError
from streams.stages.context import Context
from streams.topology import ITEM_STATE
from streams.worker.gaps import Gaps

log = logging.getLogger(__name__)
POLL_MS = 200
POLL_RECORDS = 2000


class IndexReader:
    """Reads until told to stop; ``loaded`` is set once everything that was there at the start is in the index."""

    def __init__(self, brokers: Brokers, context: Context, gaps: Gaps) -> None:
        self._context, self._topic, self._gaps = context, context.topic(ITEM_STATE), gaps
        self._consumer = AIOKafkaConsumer(
            group_id=None, enable_auto_commit=False, auto_offset_reset="earliest",
            fetch_max_wait_ms=500, max_partition_fetch_bytes=4 << 20, **aiokafka_options(brokers),
        )  # fmt: skip
        self.loaded = asyncio.Event()
        self._awaited: list[tuple[dict[TopicPartition, int], asyncio.Event]] = []
        self._latest: dict[int, dict[bytes, bytes | None]] = defaultdict(dict)
        """While loading, by partition: the last version of each row, which alone is decoded."""

    async def run(self) -> None:
        """Read until cancelled; raises :class:`StreamError` for a bad record, and what aiokafka raises."""
        await self._consumer.start()
        try:
            partitions = [TopicPartition(self._topic, p) for p in range(self._context.settings.item_partitions)]
            ends = await self._consumer.end_offsets(partitions)  # first: it would have to wait for a fetch under way
            for tp, begin in (await self._consumer.beginning_offsets(partitions)).items():
                self._gaps.see(Gap(TP(tp.topic, tp.partition), 0, begin))
            self._consumer.assign(partitions)
            await self._consumer.seek_to_beginning(*partitions)
            while True:
                await self._read_some()
                if not self.loaded.is_set() and await self._reached(ends):
                    await self._decode_latest()
                    log.info("item index loaded: %d items", self._context.index.size)
                    self.loaded.set()
                for awaited in list(self._awaited):
                    if await self._reached(awaited[0]):
                        awaited[1].set()
                        self._awaited.remove(awaited)
        finally:
            await self._consumer.stop()

    async def reach(self, ends: Mapping[TP, int]) -> None:
        """Return when everything before these offsets is in the index."""
        event = asyncio.Event()
        self._awaited.append(({TopicPartition(*tp): end for tp, end in ends.items()}, event))
        await event.wait()

    async def _reached(self, ends: dict[TopicPartition, int]) -> bool:
        return all([await self._consumer.position(tp) >= end for tp, end in ends.items()])

    async def _decode_latest(self) -> None:
        for partition, latest in self._latest.items():
            for number, (key, value) in enumerate(latest.items()):
                if partition in self._context.owned:
                    break  # the stage may own it only since it was read; now the rows in the index are newer
                decode_item(self._context.index, key.decode(), value)
                if number % POLL_RECORDS == 0:
                    await asyncio.sleep(0)
        self._latest.clear()
        self._context.metrics.index_items.of().set(self._context.index.size)

    async def _read_some(self) -> None:
        try:
            read = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=POLL_RECORDS)
        except KafkaError as exc:
            known = explained(exc, self._topic)
            if known is None:
                raise
            raise known from exc
        for tp, records in read.items():
            if tp.partition in self._context.owned:
                continue
            for record in records:
                if record.key is None:
                    raise StreamError(
                        f"{self._topic}-{tp.partition} offset {record.offset} has no key: not written by Headwater"
                    )
                if record.key == META_KEY:
                    continue
                if self.loaded.is_set():
                    decode_item(self._context.index, record.key.decode(), record.value)
                else:
                    self._latest[tp.partition][record.key] = record.value
            await asyncio.sleep(0)
        self._context.metrics.index_items.of().set(self._context.index.size)
