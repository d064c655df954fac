"""Local stores of tables: bulk reads, and bulk writes that carry the changelog offset.

RocksDB (rocksdict) survives the process. Memory does not and is rebuilt from the changelog at each start.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import rocksdict
from faust.stores import memory, rocksdb
from faust.types import TP

from streams.engine.errors import StoreDamagedError, StoreRefusedError, store_damaged, store_refused
from streams.topology import TOMBSTONES_KEPT

log = logging.getLogger(__name__)
Row = tuple[bytes, bytes | None]
CORRUPTION = "Corruption"  # RocksDB's message for a wrong checksum begins with it
REFUSED = ("IO error", "os error")  # a part of its message, or of rocksdict's, for a disk that is full or broken
DAMAGED = "damaged"  # file that marks a database to be thrown away
OLDEST = TOMBSTONES_KEPT - 86_400  # seconds; a store not written for so long may have missed a deletion
WALKED_AT_ONCE = 64  # rows


def _is_refusal(error: Exception) -> bool:
    return any(part in str(error) for part in REFUSED)


def _throw_away(path: Path, reason: str) -> None:
    log.warning("%s is thrown away and rebuilt from its changelog: %s", path, reason)
    shutil.rmtree(path)


def _seconds_since_written(path: Path) -> float:
    return time.time() - max((file.stat().st_mtime for file in path.iterdir()), default=time.time())


def _pairs(event: Any) -> list[Row]:
    return [(record.key, record.value) for record in event.message.value.records if record.key is not None]


class LocalStore(Protocol):
    """What a table needs of its store. Each partition has its own rows: bytes by key."""

    def persisted_offset(self, tp: TP) -> int | None:
        """The changelog offset up to which the store has everything; None: recover from the beginning."""

    def get_many(self, partition: int, keys: Sequence[bytes]) -> list[bytes | None]:
        """Values in the order of ``keys``; None where there is none."""

    def put_many(self, partition: int, items: Iterable[Row], offset: int | None) -> None:
        """Write ``items`` in order (None deletes) and, unless None, the changelog offset up to which they go."""

    def items(self, partition: int) -> Iterator[tuple[bytes, bytes]]:
        """All rows as they are when iteration begins, in any order."""

    def walk(self, partition: int) -> Iterator[tuple[bytes, bytes]]:
        """All rows, for a walk that may take hours: holds no snapshot of the database.

        A row that exists all the time is seen exactly once; one that is written meanwhile may be missed. A value may
        be outdated by the time it is seen.
        """

    def count(self, partition: int) -> int:
        """About how many rows there are."""


class RocksStore(rocksdb.Store):  # type: ignore[misc]
    """RocksDB, one database a partition.

    A database is a cache of its changelog, so one that does not open is thrown away and rebuilt. One that turns out to
    be damaged while it is read is marked; the worker stops, and the next start throws it away. The same goes for one
    that was not used for so long that the changelog may no longer contain the deletions since then.
    """

    def _open_for_partition(self, partition: int) -> Any:
        path = self.partition_path(partition)
        if (path / DAMAGED).exists():
            _throw_away(path, "it was found damaged")
        elif path.is_dir() and _seconds_since_written(path) > OLDEST:
            _throw_away(path, "it was not used for so long that deletions may be missing from it")
        try:
            return super()._open_for_partition(partition)
        except Exception as exc:  # rocksdict has no classes of its own
            if _is_refusal(exc) and "lock" not in str(exc):  # for a lock Faust waits
                raise StoreRefusedError(store_refused(path, str(exc))) from exc
            if CORRUPTION not in str(exc):
                raise
            _throw_away(path, str(exc))
            return super()._open_for_partition(partition)

    def revoke_partitions(self, table: Any, tps: set[TP]) -> None:
        """Call Faust's only where a partition is given up: it runs the garbage collector, most of a second at start."""
        if any(tp.partition in self._dbs for tp in tps if tp.topic in table.changelog_topic.topics):
            super().revoke_partitions(table, tps)

    @contextmanager
    def _sound(self, partition: int) -> Iterator[Any]:
        """The database; raises :class:`StoreDamagedError` or :class:`StoreRefusedError` for what goes wrong in it."""
        database = self._db_for_partition(partition)
        try:
            yield database
        except Exception as exc:
            path = self.partition_path(partition)
            if _is_refusal(exc):
                raise StoreRefusedError(store_refused(path, str(exc))) from exc
            if CORRUPTION not in str(exc):
                raise
            (path / DAMAGED).touch()
            raise StoreDamagedError(store_damaged(path, str(exc))) from exc

    def persisted_offset(self, tp: TP) -> int | None:
        with self._sound(tp.partition) as database:
            offset = database.get(self.offset_key)
        return None if offset is None else int(offset)

    def get_many(self, partition: int, keys: Sequence[bytes]) -> list[bytes | None]:
        with self._sound(partition) as database:
            return list(database.get(list(keys)))

    def put_many(self, partition: int, items: Iterable[Row], offset: int | None) -> None:
        """All of it in one atomic batch."""
        batch = rocksdict.WriteBatch(raw_mode=True)
        for key, value in items:
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        if offset is not None:
            batch.put(self.offset_key, str(offset).encode())
        with self._sound(partition) as database:
            database.write(batch)

    def items(self, partition: int) -> Iterator[tuple[bytes, bytes]]:
        """All rows. ``status`` raises where a damaged file, not the last row, ended the iteration."""
        with self._sound(partition) as database:
            place = database.iter()
            place.seek_to_first()
            while place.valid():
                key = place.key()
                if key != self.offset_key:
                    yield key, place.value()
                place.next()
            place.status()

    def walk(self, partition: int) -> Iterator[tuple[bytes, bytes]]:
        """All rows, read in parts, so that no iterator stays open."""
        after: bytes | None = None
        while part := self._part(partition, after):
            yield from part
            after = part[-1][0]

    def _part(self, partition: int, after: bytes | None) -> list[tuple[bytes, bytes]]:
        passing = rocksdict.ReadOptions()
        passing.fill_cache(False)  # the cache is for the rows of active keys
        part: list[tuple[bytes, bytes]] = []
        with self._sound(partition) as database:
            place = database.iter(passing)
            place.seek_to_first() if after is None else place.seek(after + b"\0")
            while place.valid() and len(part) < WALKED_AT_ONCE:
                if place.key() != self.offset_key:
                    part.append((place.key(), place.value()))
                place.next()
            place.status()
        return part

    def count(self, partition: int) -> int:
        """RocksDB's estimate, in which a row that was written again counts twice until files are merged."""
        with self._sound(partition) as database:
            keys = int(database.property_int_value("rocksdb.estimate-num-keys") or 0)
            return keys - (keys > 0 and database.get(self.offset_key) is not None)  # the offset is no row

    def apply_changelog_batch(self, batch: Iterable[Any], to_key: Any, to_value: Any) -> None:
        """Write a batch of a recovery. Crashes the app on an error, as Faust would only log it and try for ever."""
        try:
            for event in batch:
                tp: TP = event.message.tp
                self.put_many(tp.partition, _pairs(event), event.message.offset)
        except Exception as exc:
            self.app._crash(exc)
            raise


class MemoryStore(memory.Store):  # type: ignore[misc]
    """Dictionaries, one a partition."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._partitions: dict[int, dict[bytes, bytes]] = {}

    def get_many(self, partition: int, keys: Sequence[bytes]) -> list[bytes | None]:
        values = self._partitions.get(partition, {})
        return [values.get(key) for key in keys]

    def put_many(self, partition: int, items: Iterable[Row], offset: int | None) -> None:
        values = self._partitions.setdefault(partition, {})
        for key, value in items:
            if value is None:
                values.pop(key, None)
            else:
                values[key] = value

    def items(self, partition: int) -> Iterator[tuple[bytes, bytes]]:
        yield from list(self._partitions.get(partition, {}).items())

    def walk(self, partition: int) -> Iterator[tuple[bytes, bytes]]:
        values = self._partitions.get(partition, {})
        for key in list(values):
            value = values.get(key)
            if value is not None:
                yield key, value

    def count(self, partition: int) -> int:
        return len(self._partitions.get(partition, {}))

    def apply_changelog_batch(self, batch: Iterable[Any], to_key: Any, to_value: Any) -> None:
        for event in batch:
            self.put_many(event.message.tp.partition, _pairs(event), event.message.offset)

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Drop the rows of partitions that were given up: they are rebuilt when they come back."""
        kept = {tp.partition for tp in active_tps}
        self._partitions = {p: values for p, values in self._partitions.items() if p in kept}
