"""A table of bytes with a changelog, written in bulk at each checkpoint: first the changelog, then the local store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any

from faust.tables.table import Table

from streams.engine.errors import ChangelogBehindError, changelog_behind
from streams.engine.producer import BatchProducer, Out, Sent
from streams.engine.schema import raw_schema
from streams.engine.store import LocalStore, MemoryStore, RocksStore, Row

SLICE = 256  # records
AT_ONCE = 0.0003  # seconds of work between two pauses
PAUSE = 0.001  # seconds
SHARE = 0.5
"""After a pause that took long, work this share of it. While catching up, a group that gets its turn takes long."""


class BatchTable(Table):  # type: ignore[misc]
    """A table whose rows are in the partition of their source records, read and written by partition and in bulk.

    ``changelog`` is the full name of its topic. Faust recovers it, whole batches at a time.
    """

    data: LocalStore

    def __init__(self, app: Any, *, changelog: str, rocksdb_cache_bytes: int = 8 << 20, **kwargs: Any) -> None:
        self.changelog = changelog
        options = {
            "block_cache_size": rocksdb_cache_bytes,  # Faust's default is 2 GiB for every partition of every table
            "write_buffer_size": 4 << 20,
            "max_write_buffer_number": 2,
        }
        super().__init__(app, key_type=bytes, value_type=bytes, recovery_buffer_size=4, options=options, **kwargs)

    def _new_store_by_url(self, url: Any) -> Any:
        rocks = str(url).startswith("rocksdb")
        return (RocksStore if rocks else MemoryStore)(
            url, self.app, self, table_name=self.name, key_type=bytes, value_type=bytes,
            key_serializer="raw", value_serializer="raw", loop=self.loop, options=dict(self.options) if rocks else None,
        )  # fmt: skip

    def _new_changelog_topic(self, **_kwargs: Any) -> Any:
        return self.app.topic(
            self.changelog, schema=raw_schema(), partitions=self.partitions, compacting=True, deleting=False,
            acks=False, internal=True, maxsize=16, allow_empty=True,
        )  # fmt: skip

    def get_many(self, partition: int, keys: Sequence[bytes]) -> list[bytes | None]:
        """Stored values in the order of ``keys`` (None where there is none)."""
        return self.data.get_many(partition, keys) if keys else []

    def items_of(self, partition: int) -> Iterator[tuple[bytes, bytes]]:
        """All stored (key, value) of a partition."""
        return self.data.items(partition)

    def walk(self, partition: int) -> Iterator[tuple[bytes, bytes]]:
        """As ``items_of``, for a walk that may take hours. A value may be outdated: read it again before use."""
        return self.data.walk(partition)

    def check_changelog(self) -> None:
        """Raises :class:`ChangelogBehindError` when the store of a recovered partition is ahead of its changelog.

        Faust's own check is not used: it skips changelogs of no or one record.
        """
        highwaters = self.app.tables.recovery.active_highwaters
        for tp in self.app.assignor.assigned_actives():
            if tp.topic != self.changelog:
                continue
            stored, end = self.data.persisted_offset(tp), highwaters.get(tp)
            if stored is not None and end is not None and stored > end:
                raise ChangelogBehindError(changelog_behind(tp.topic, tp.partition, stored, end + 1))

    async def write(self, puts: Mapping[int, Iterable[Row]]) -> int:
        """Write to the changelog, await it, then write to the store, its offset last; returns the bytes of the values.

        The items are taken (and perhaps encoded), sent and stored in slices, between which the stage works on events.
        The changelog records of all partitions are in flight together.

        Raises :class:`DeliveryError`; then nothing was written to the store. A crash between two slices of the store
        leaves its offset as it was, so that the next start reads all of them from the changelog again.
        """
        producer: BatchProducer = await self.app.maybe_start_producer()
        written: dict[int, list[Row]] = {}
        sent: dict[int, list[Sent]] = {}
        for partition, items in puts.items():
            async for part in _slices(items):
                records = (Out(key, value) for key, value in part)
                sent.setdefault(partition, []).extend(await producer.send_many(self.changelog, partition, records))
                written.setdefault(partition, []).extend(part)
        offsets = {partition: [await part.last_offset() for part in parts][-1] for partition, parts in sent.items()}
        for partition, offset in offsets.items():
            async for part in _slices(written[partition]):
                self.data.put_many(partition, part, None)
            self.data.put_many(partition, (), offset)
        return sum(len(value or b"") for items in written.values() for _, value in items)


async def _slices(items: Iterable[Row]) -> AsyncIterator[Sequence[Row]]:
    """Parts of ``items``. Pauses whenever iterating and using them has taken a while, so that events are worked on.

    An event needs several turns of the event loop from fetch to answer, and ``sleep(0)`` would give it only one.
    """
    part: list[Row] = []
    resumed, at_once = time.perf_counter(), AT_ONCE
    for item in items:
        part.append(item)
        if len(part) == SLICE:
            yield part
            part = []
        if (paused := time.perf_counter()) - resumed > at_once:
            await asyncio.sleep(PAUSE)
            resumed = time.perf_counter()
            at_once = max(AT_ONCE, SHARE * (resumed - paused))
    if part:
        yield part
