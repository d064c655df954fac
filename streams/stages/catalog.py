"""CATALOG: checks catalogue records and sends the changed ones to the items stage.

Its table keeps a digest of each item's last accepted row, so that an unchanged row is not sent on: shops send their
whole catalogue again and again. A refused row leaves the one before it in force. Digests depend on the epoch of the
catalogue topic: after ``headwater topics accept`` every row is sent on again. The digest of a deleted item is removed
after the item's state.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import AsyncIterable, Mapping, Sequence
from typing import Any

import msgspec

from schemas.kinds import Kind
from schemas.parse import Limits, parse
from schemas.records import CatalogItem, ItemDeletion
from schemas.rejection import Rejection
from streams.broker.partitioning import partition_of
from streams.broker.update_messages import UpdateKind, pack_catalog
from streams.engine import BatchApp, Group, Observer, Outbox, RecordBatch, Row, StageEngine, States
from streams.metrics import EventOutcome
from streams.stages.context import Context
from streams.stages.slow_walk import SlowWalk
from streams.topology import CATALOG, CATALOG_ITEMS, ITEM_UPDATES

DELETED = b"deleted"
_encode = msgspec.json.Encoder().encode


def catalog(app: BatchApp, context: Context, observer: Observer) -> StageEngine:
    """Declare the agent on ``app``."""
    work = Catalog(app, context)
    engine = context.engine(app, CATALOG, work, work.table, observer)

    @app.agent(engine.groups)
    async def check_and_pass_on(groups: AsyncIterable[Group]) -> None:
        async for group in groups:
            async with engine.turn(group) as turn:
                for batch in group:
                    accepted = work.read(batch, turn.outbox)
                    work.pass_on(batch.tp.partition, accepted, turn.outbox)

    return engine


_Accepted = tuple[Any, CatalogItem | ItemDeletion]
"""A record that parsed."""


class Catalog(States):
    """Digests of catalogue rows, and the work on new rows."""

    def __init__(self, app: BatchApp, context: Context) -> None:
        self.context = context
        self.table = context.table(app, CATALOG)
        self._dead = context.dead_letters(CATALOG)
        self._limits = Limits(max_bytes=context.settings.max_record_bytes)
        self._updates = context.topic(ITEM_UPDATES)
        self._epoch = context.incarnations[context.topic(CATALOG_ITEMS)].epoch.to_bytes(1, "little")
        self._dirty: defaultdict[int, dict[bytes, bytes | None]] = defaultdict(dict)
        self._walk = SlowWalk(self.table, self._due, self._look, context.clock)
        self._walked: dict[int, int] = {}
        """By partition: how many items had been removed when its last walk began."""

    def read(self, batch: RecordBatch, outbox: Outbox) -> list[_Accepted]:
        """The rows of a batch; what is refused goes to the dead letters."""
        metrics, now, partition = self.context.metrics, self.context.clock.now_ms(), batch.tp.partition
        accepted: list[_Accepted] = []
        for record in batch:
            parsed = parse(Kind.CATALOG, record.value, key=record.key, now_ms=now, limits=self._limits)
            if isinstance(parsed, Rejection):
                self._dead.refuse(outbox, batch.tp.topic, partition, record, parsed)
                metrics.dead_letters.of(CATALOG, parsed.code).add()
                metrics.events.of(CATALOG_ITEMS, EventOutcome.REJECTED).add()
            else:
                self._dead.accepted()
                accepted.append((record, parsed))  # type: ignore[arg-type]
        return accepted

    def pass_on(self, partition: int, accepted: Sequence[_Accepted], outbox: Outbox) -> None:
        """Send the rows that differ from the last accepted ones to the items stage."""
        dirty = self._dirty[partition]
        keys = [item.item_id.encode() for _, item in accepted]
        digests = dict(zip(keys, self.table.get_many(partition, keys), strict=True)) | dirty
        source = self.context.source(CATALOG_ITEMS, partition)
        for record, item in accepted:
            key = item.item_id.encode()
            row = b"" if isinstance(item, ItemDeletion) else _encode(item)
            digest = self._digest(row)
            known = digests.get(key)
            unknown = known is None and not self._cataloged(item.item_id)
            unchanged = known == digest or (unknown and not row)  # an unknown item's tombstone deletes nothing
            outcome = EventOutcome.IGNORED if unchanged else EventOutcome.LEARNED
            self.context.metrics.events.of(CATALOG_ITEMS, outcome).add()
            if unchanged:
                continue
            kind = UpdateKind.CATALOG if row else UpdateKind.DELETION
            target = partition_of(key, self.context.settings.item_partitions)
            outbox.add(self._updates, target, None, pack_catalog(kind, source, record.offset, row or key))
            digests[key] = dirty[key] = digest

    def _digest(self, row: bytes) -> bytes:
        if row:
            return hashlib.blake2b(row, digest_size=16, salt=self._epoch).digest()
        return DELETED + self._epoch.rstrip(b"\0")

    def _cataloged(self, item_id: str) -> bool:
        """Whether the index knows the item's row. Without a digest that means that the topic of digests was lost."""
        index = self.context.index
        row = index.lookup.get(item_id)
        return row is not None and bool(index.cataloged[row])

    def snapshot(self) -> Mapping[int, Sequence[Row]]:
        puts = {partition: list(digests.items()) for partition, digests in self._dirty.items() if digests}
        self._dirty.clear()
        return puts

    def dirty_size(self) -> int:
        return 64 * sum(map(len, self._dirty.values()))

    def sweep(self, *, writing: bool) -> None:
        if not writing:
            self._walk.slice()

    def _due(self, partition: int) -> bool:
        gone = self.context.index.resets
        if self._walked.get(partition) == gone:
            return False
        self._walked[partition] = gone
        return True

    def _look(self, partition: int, key: bytes, digest: bytes) -> None:
        """Remove the digest of a deleted item whose state is gone: nothing is left to be deleted again."""
        if digest != self._digest(b"") or key in self._dirty[partition]:
            return
        row = self.context.index.lookup.get(key.decode())
        known = row is not None and not self.context.index.is_blank(row)
        if known:
            return
        (present,) = self.table.get_many(partition, [key])  # it may have come back since it was walked over
        if present == digest:
            self._dirty[partition][key] = None

    def restore(self, partitions: set[int]) -> None:
        """Digests are read from the table when they are needed."""
        self._walk.restore(partitions)

    def forget(self) -> None:
        self._walk.restore(())
        self._walked.clear()
        self._dirty.clear()
