"""CATALOG: checks catalogue records and sends the changed ones to the items stage.

Its table keeps a digest of each item's last accepted row, so that an unchanged row is not sent on: shops send their
whole catalogue again and again. Digests depend on the epoch of the catalogue topic: after ``headwater topics accept``
every row is sent on again.

In place of a digest stands a mark where the last record was a null value (*deleted*) or was refused (*withdrawn*: the
item must not be recommended until a good row says so). Marks of items of which nothing else is known stay for as long
as those of deleted items; should such an item turn up in an event, `Latecomers` finds it.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from schemas.catalog_fields import FieldFault
from schemas.catalog_row import named_item
from schemas.durations import DAY_MS
from schemas.kinds import Kind
from schemas.parse import Limits, parse
from schemas.records import CatalogItem, ItemDeletion, ItemWithdrawal
from schemas.rejection import Rejection
from streams.broker.partitioning import partition_of
from streams.broker.update_messages import ALWAYS, UpdateKind, pack_catalog
from streams.engine import BatchApp, Group, Observer, Outbox, RecordBatch, Row, StageEngine, States
from streams.metrics import EventOutcome
from streams.stages.catalog_marks import DELETED, WITHDRAWN, Mark, mark_of, pack_mark
from streams.stages.context import Context
from streams.stages.dead_letters import Refuses
from streams.stages.dropped_fields import DroppedFields
from streams.stages.latecomers import Latecomers
from streams.stages.slow_walk import SlowWalk
from streams.topology import CATALOG, CATALOG_ITEMS, ITEM_UPDATES

WALKS = 100  # over all marks, within the time that they stay
_KINDS = {DELETED: UpdateKind.DELETION, WITHDRAWN: UpdateKind.WITHDRAWAL}
_encode = msgspec.json.Encoder().encode


def catalog(app: BatchApp, context: Context, observer: Observer) -> StageEngine:
    """Declare the agent on ``app``."""
    work = Catalog(app, context)
    engine = context.engine(app, CATALOG, work, work.table, observer)

    @app.agent(engine.groups)
    async def check_and_pass_on(groups: AsyncIterable[Group]) -> None:
        async for group in groups:
            async with engine.turn(group) as turn:
                for batch in work.unless_stopped(group):
                    accepted = work.read(batch, turn.outbox)
                    work.pass_on(batch.tp.partition, accepted, turn.outbox)

    return engine


_Read = tuple[Any, CatalogItem | ItemDeletion | ItemWithdrawal]
"""A record, and what it says of its item."""


class Catalog(Refuses, States):
    """Digests of catalogue rows, and the work on new rows."""

    def __init__(self, app: BatchApp, context: Context) -> None:
        self.context = context
        self.table = context.table(app, CATALOG)
        self.dead = context.dead_letters(CATALOG)
        self._limits = Limits(max_bytes=context.settings.max_record_bytes)
        self._updates = context.topic(ITEM_UPDATES)
        self._epoch = context.incarnations[context.topic(CATALOG_ITEMS)].epoch
        self._salt = self._epoch.to_bytes(1, "little")
        self._kept_ms = int(context.settings.deleted_item_days * DAY_MS)
        self._dirty: defaultdict[int, dict[bytes, bytes | None]] = defaultdict(dict)
        self._dropped = DroppedFields(context)
        self._late = Latecomers(context.index, self._stored, context.clock)
        self._walk = SlowWalk(self.table, self._due, self._look, context.clock)
        self._walked: dict[int, tuple[int, int]] = {}
        """By partition: how many items had been removed when its last walk began, and its time then."""
        self._times: dict[int, int] = {}
        """By partition: the newest time of its records, which never goes back."""

    # ---- read
    def read(self, batch: RecordBatch, outbox: Outbox) -> list[_Read]:
        """What the rows of a batch say; those that are refused go to the dead letters, and withdraw their items."""
        metrics, now, partition = self.context.metrics, self.context.clock.now_ms(), batch.tp.partition
        read: list[_Read] = []
        faults: list[FieldFault] = []
        for record in batch:
            faults.clear()
            parsed = parse(
                Kind.CATALOG, record.value, key=record.key, now_ms=now, limits=self._limits, faults=faults
            )  # fmt: skip
            if isinstance(parsed, Rejection):
                metrics.dead_letters.of(CATALOG, parsed.code).add()
                metrics.events.of(CATALOG_ITEMS, EventOutcome.REJECTED).add()
                self.dead.refuse(outbox, batch.tp.topic, partition, record, parsed)
                item_id = named_item(record.value, record.key)
                if item_id is not None:
                    read.append((record, ItemWithdrawal(item_id)))
                continue
            self.dead.accepted()
            if isinstance(parsed, CatalogItem):
                parsed = self.context.index.vector_sizes.fit(parsed, faults)
                self._dropped.note(parsed.item_id, faults)
            read.append((record, parsed))  # type: ignore[arg-type]
        newest = min(batch.records[-1].timestamp, now)
        self._times[partition] = max(newest, self._times.get(partition, 0))
        return read

    # ---- pass on
    def pass_on(self, partition: int, read: Sequence[_Read], outbox: Outbox) -> None:
        """Send what differs from the last that was known of an item to the items stage."""
        keys = [item.item_id.encode() for _, item in read]
        digests = dict(zip(keys, self.table.get_many(partition, keys), strict=True)) | self._dirty[partition]
        for record, item in read:
            key = item.item_id.encode()
            if isinstance(item, ItemWithdrawal):
                outcome = None  # it was counted as refused
                if record.key == key:
                    self._mark(partition, key, WITHDRAWN, record.offset, digests, outbox)
                else:  # another key's partition: the item's own digest is elsewhere
                    self._send(UpdateKind.WITHDRAWAL, key, partition, record.offset, key, outbox)
            elif isinstance(item, ItemDeletion):
                outcome = self._mark(partition, key, DELETED, record.offset, digests, outbox)
            else:
                outcome = self._pass_row(partition, key, item, record.offset, digests, outbox)
            if outcome is not None:
                self.context.metrics.events.of(CATALOG_ITEMS, outcome).add()

    def _pass_row(
        self, partition: int, key: bytes, item: CatalogItem, offset: int, digests: dict[bytes, bytes | None],
        outbox: Outbox,
    ) -> EventOutcome:  # fmt: skip
        row = _encode(item)
        digest = hashlib.blake2b(row, digest_size=16, salt=self._salt).digest()
        if digests.get(key) == digest and not self._is_withdrawn(item.item_id):
            return EventOutcome.IGNORED
        self.context.index.absent.pop(item.item_id, None)
        self._send(UpdateKind.CATALOG, key, partition, offset, row, outbox)
        digests[key] = self._dirty[partition][key] = digest
        return EventOutcome.LEARNED

    def _mark(
        self, partition: int, key: bytes, state: bytes, offset: int, digests: dict[bytes, bytes | None], outbox: Outbox
    ) -> EventOutcome:  # fmt: skip
        """Note that the item is deleted or withdrawn. One of which nothing is known makes no row for that."""
        known = digests.get(key)
        mark = mark_of(known)
        if mark == Mark(state, self._epoch):
            return EventOutcome.IGNORED
        unknown = (known is None or (mark is not None and mark.since > 0)) and self._is_blank(key.decode())
        since = max(1, self._times.get(partition, 0)) if unknown else 0
        if unknown:
            self.context.index.expect_deleted(key.decode(), since)
        else:
            self._send(_KINDS[state], key, partition, offset, key, outbox)
        digests[key] = self._dirty[partition][key] = pack_mark(Mark(state, self._epoch, since))
        return EventOutcome.IGNORED if unknown else EventOutcome.LEARNED

    def _send(self, kind: UpdateKind, key: bytes, partition: int, offset: int, payload: bytes, outbox: Outbox) -> None:
        source = self.context.source(CATALOG_ITEMS, partition)
        target = partition_of(key, self.context.settings.item_partitions)
        outbox.add(self._updates, target, None, pack_catalog(kind, source, offset, payload))

    def _is_blank(self, item_id: str) -> bool:
        row = self.context.index.lookup.get(item_id)
        return row is None or self.context.index.is_blank(row)

    def _is_withdrawn(self, item_id: str) -> bool:
        row = self.context.index.lookup.get(item_id)
        return row is not None and bool(self.context.index.withdrawn[row])

    # ---- items that turn up after their mark
    def release(self, outbox: Outbox) -> None:
        for partition, key, state in self._late.found():
            self._send(_KINDS[state], key, partition, ALWAYS, key, outbox)
            self._dirty[partition][key] = pack_mark(Mark(state, self._epoch))

    def _stored(self, partition: int, keys: Sequence[bytes]) -> Iterable[bytes | None]:
        dirty = self._dirty[partition]
        stored = self.table.get_many(partition, keys)
        return [dirty.get(key, value) for key, value in zip(keys, stored, strict=True)]

    # ---- state
    def snapshot(self) -> Mapping[int, Sequence[Row]]:
        puts = {partition: list(digests.items()) for partition, digests in self._dirty.items() if digests}
        self._dirty.clear()
        return puts

    def dirty_size(self) -> int:
        return 64 * sum(map(len, self._dirty.values()))

    def sweep(self, *, writing: bool) -> None:
        if not writing:
            self._walk.slice()
            self._late.look()

    def _due(self, partition: int) -> bool:
        """Whether items were removed since the last walk, or marks may have grown old."""
        gone, now = self.context.index.resets, self._times.get(partition, 0)
        before = self._walked.get(partition, (-1, 0))
        if before[0] == gone and (not self._kept_ms or now < before[1] + self._kept_ms // WALKS):
            return False
        self._walked[partition] = (gone, now)
        return True

    def _look(self, partition: int, key: bytes, digest: bytes) -> None:
        """Remove the mark of an item whose state is gone, or of which nothing was ever known for too long."""
        mark = mark_of(digest)
        if mark is None or key in self._dirty[partition] or not self._is_blank(key.decode()):
            return
        if mark.since and (not self._kept_ms or mark.since > self._times.get(partition, 0) - self._kept_ms):
            return
        (present,) = self.table.get_many(partition, [key])  # it may have come back since it was walked over
        if present == digest:
            self._dirty[partition][key] = None
            self.context.index.absent.pop(key.decode(), None)

    def restore(self, partitions: set[int]) -> None:
        """Digests are read from the table when they are needed."""
        self._walk.restore(partitions)
        self._late.restore(partitions)

    def forget(self) -> None:
        self._walk.restore(())
        self._late.restore(())
        self._walked.clear()
        self._dirty.clear()
