"""ITEMS: merges learning and catalogue updates into item rows and publishes the changed ones.

The rows are in the worker's item index. The table's changelog is ``item-state.v1``, so one write publishes rows and
makes them durable. Nothing is merged twice: a row keeps the number of the last update message that it contains. A
profiles worker that crashed sends some updates again in new messages; for these a meta record in each partition keeps
the last merged offset of each source.

A deleted item keeps a row that says so for a long time; then a tombstone removes the row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterable, Iterable, Iterator, Mapping, Sequence

import msgspec

from operators.learning.item_updates import unpack as unpack_learning
from operators.state.errors import StateCorruptError
from operators.state.item_codec import decode_item, encode_item
from schemas.durations import DAY_MS
from schemas.records import CatalogItem
from streams.broker.update_messages import (
    ALWAYS,
    META_KEY,
    CatalogUpdate,
    Merged,
    UpdateKind,
    decode_merged,
    message_number,
    unpack,
    unreadable_update,
)
from streams.engine import BatchApp, Group, Observer, RecordBatch, Row, StageEngine, States
from streams.stages.context import Context
from streams.stages.item_expiry import ItemExpiry
from streams.topology import ITEM_UPDATES, ITEMS

PUBLISHING_SHARE = 0.035  # the largest share of time for publishing: the more rows wait, the later they are published
QUIET = 1.0  # seconds without updates, after which the share does not matter
WRITING = 2  # publishing a row takes this many times what encoding it takes

_encode = msgspec.msgpack.Encoder().encode
_decode_catalog = msgspec.json.Decoder(CatalogItem).decode


class MeanSeconds:
    """Mean duration of something; recent values weigh more."""

    def __init__(self) -> None:
        self._taken = self._count = 0.0

    def add(self, seconds: float) -> None:
        self._taken += seconds
        self._count += 1

    def forget_half(self) -> None:
        """Halve the weight of all values so far."""
        self._taken /= 2
        self._count /= 2

    @property
    def seconds(self) -> float:
        """The mean; 0 while there is no value."""
        return self._taken / self._count if self._count else 0.0


def items(app: BatchApp, context: Context, observer: Observer) -> StageEngine:
    """Declare the agent on ``app``."""
    work = Items(app, context)
    engine = context.engine(app, ITEMS, work, work.table, observer, interval=context.settings.item_publish_interval)

    @app.agent(engine.groups)
    async def merge(groups: AsyncIterable[Group]) -> None:
        async for group in groups:
            async with engine.turn(group):
                for batch in group:
                    work.merge(batch)

    return engine


class Items(States):
    """Item rows of the stage's partitions, and the merging of updates."""

    def __init__(self, app: BatchApp, context: Context) -> None:
        self.context, self.index = context, context.index
        self.table = context.table(app, ITEMS)
        self._epoch = context.incarnations[context.topic(ITEM_UPDATES)].epoch
        removed = context.metrics.removed_items.of().add
        self.expiry = ItemExpiry(self.index, int(context.settings.deleted_item_days * DAY_MS), removed, context.clock)
        self._merged: dict[int, Merged] = {}
        self._dirty: defaultdict[int, set[int]] = defaultdict(set)
        self._urgent = False
        self._encoding = MeanSeconds()
        self._updated_at = 0.0

    def merge(self, batch: RecordBatch) -> None:
        """Learn the updates that the rows do not contain yet.

        Raises :class:`StateCorruptError` for a record that is no update; what comes before it is merged.
        """
        clock, partition = self.context.clock, batch.tp.partition
        self._updated_at, merged = clock.monotonic(), self._merged[partition]
        time_ms = self.expiry.see(partition, min(batch.records[-1].timestamp, clock.now_ms()))
        for record in batch:
            message = message_number(self._epoch, record.offset)
            if message <= merged.message:
                continue
            try:
                self._merge(record.value, partition, message, merged, time_ms)
            except (StateCorruptError, msgspec.DecodeError, UnicodeDecodeError) as exc:
                raise StateCorruptError(unreadable_update(batch.tp, record.offset, exc)) from exc
            merged.message = message

    def _merge(self, value: bytes, partition: int, message: int, merged: Merged, time_ms: int) -> None:
        update = unpack(value)
        if isinstance(update, CatalogUpdate):
            self._catalog(update, partition, message, merged, time_ms)
        else:
            self._learn(update, partition, message, merged)

    def _learn(self, payload: bytes, partition: int, message: int, merged: Merged) -> None:
        updates = unpack_learning(payload, self.index)
        touched = self.context.recommender.apply(
            updates, partition=partition, message_offset=message, fence=merged.sources
        )
        self._dirty[partition].update(touched.tolist())
        for source in set(updates.source.tolist()):
            last = int(updates.offset[updates.source == source].max())
            merged.sources[source] = max(last, merged.sources.get(source, -1))

    def _catalog(self, update: CatalogUpdate, partition: int, message: int, merged: Merged, time_ms: int) -> None:
        if update.offset != ALWAYS:
            if update.offset <= merged.sources.get(update.source, -1):
                return
            merged.sources[update.source] = update.offset
        record = _decode_catalog(update.payload) if update.kind is UpdateKind.CATALOG else None
        row = self.index.intern(update.payload.decode() if record is None else record.item_id)
        self._dirty[partition].add(row)
        if message <= self.index.applied[row]:
            return  # a crash came between publishing the row and the meta record: the row contains this update
        if update.kind is UpdateKind.WITHDRAWAL:
            self.index.withdraw(self.index.ids[row])
        else:
            arrives = record is not None and not self.index.cataloged[row]
            self.index.set_record(row, record, deleted=record is None)
            if arrives:
                self.index.cataloged_at[row] = time_ms
        if self.index.deleted[row]:
            self.index.deleted_at[row] = time_ms
        self.index.applied[row] = message
        self._urgent = True

    def snapshot(self) -> Mapping[int, Iterable[Row]]:
        puts = {
            partition: self._encoded(sorted(rows), _encode(self._merged[partition]))
            for partition, rows in self._dirty.items()
        }
        self._dirty.clear()
        self._urgent = False
        self._encoding.forget_half()
        return puts

    def _encoded(self, rows: Sequence[int], merged: bytes) -> Iterator[Row]:
        """Rows as they are when they are consumed.

        A row may have learned more than ``merged`` says: that is safe, as it knows the last message that it contains.
        """
        clock = self.context.clock
        for row in rows:
            started = clock.monotonic()
            encoded = None if self.index.is_blank(row) else encode_item(self.index, row)
            self._encoding.add(clock.monotonic() - started)
            yield self.index.ids[row].encode(), encoded
        yield META_KEY, merged  # last: it is in the changelog only if all rows that it covers are
        self.context.metrics.item_rows_published.of().add(len(rows))

    def due_interval(self, usual: float) -> float:
        if self._urgent:
            return 0.0  # a withdrawn item must not be recommended while changes wait
        if self.context.clock.monotonic() - self._updated_at > QUIET:
            return usual
        rows = sum(map(len, self._dirty.values()))
        return max(usual, WRITING * rows * self._encoding.seconds / PUBLISHING_SHARE)

    def sweep(self, *, writing: bool) -> None:
        if not writing:
            self.expiry.sweep(self._dirty)

    def restore(self, partitions: set[int]) -> None:
        self.expiry.restore(partitions)
        self.context.owned.take(partitions)
        for partition in partitions:
            merged = Merged(sources={})
            for key, value in self.table.items_of(partition):
                if key == META_KEY:
                    merged = decode_merged(value)
                else:
                    decode_item(self.index, key.decode(), value)
            self._merged[partition] = merged

    def forget(self) -> None:
        self.expiry.restore(())
        self.context.owned.give_up()
        self._merged.clear()
        self._dirty.clear()
