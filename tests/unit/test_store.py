"""RocksDB on a disk that does not keep what was written, or has no room for it."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from faust.types import TP

from streams.broker.brokers import Brokers
from streams.engine import BatchTable
from streams.engine.app import create_app
from streams.engine.errors import StoreDamagedError, StoreRefusedError
from streams.engine.store import RocksStore
from streams.settings import Settings
from streams.topology import ITEMS

ROWS = 4_000


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., RocksStore]:
    """Opens the store of a table, as a newly started worker does."""

    def make(folder: Path = tmp_path) -> RocksStore:
        app = create_app(Settings(state_dir=folder), ITEMS, Brokers("127.0.0.1:1"))
        table = BatchTable(app, name="items", changelog="ns.item-state.v1", partitions=1)
        store = table.data
        assert isinstance(store, RocksStore)
        return store

    return make


def filled(store: RocksStore, folder: Path) -> Path:
    """A copy of a database with rows in files and in its log, as a kill leaves it."""
    rng = random.Random(1)
    for start in range(0, ROWS, 1_000):
        store.put_many(0, [(b"k%d" % n, rng.randbytes(300)) for n in range(start, start + 1_000)], start)
        if start < ROWS - 1_000:
            store._db_for_partition(0).flush()
    place: Path = store.partition_path(0)
    return Path(shutil.copytree(place, folder / "copy"))


def put_back(store: RocksStore, copy: Path) -> None:
    store._dbs.clear()
    shutil.rmtree(store.partition_path(0))
    shutil.copytree(copy, store.partition_path(0))


def damage(folder: Path, pattern: str) -> None:
    """Overwrite a piece in the middle of the largest file."""
    file = max(folder.glob(pattern), key=lambda path: path.stat().st_size)
    with file.open("r+b") as handle:
        handle.seek(file.stat().st_size // 2)
        handle.write(os.urandom(max(1, min(64, file.stat().st_size // 4))))


def test_a_place_that_cannot_be_opened_is_told(opened: Callable[[], RocksStore]) -> None:
    """A file where the database should be, a folder that may not be written, a full disk."""
    store = opened()
    place: Path = store.partition_path(0)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.touch()
    with pytest.raises(StoreRefusedError, match="HEADWATER_STATE_DIR"):
        store.persisted_offset(TP("ns.item-state.v1", 0))


@pytest.mark.parametrize("pattern", ["CURRENT", "MANIFEST-*"])
def test_a_database_that_does_not_open_is_thrown_away(
    opened: Callable[[], RocksStore], tmp_path: Path, pattern: str
) -> None:
    store = opened()
    copy = filled(store, tmp_path)
    damage(copy, pattern)
    put_back(store, copy)
    again = opened()
    assert again.persisted_offset(TP("ns.item-state.v1", 0)) is None, "recovery begins at the beginning"
    assert list(again.items(0)) == []


def test_damage_that_is_found_while_reading_is_thrown_away_by_the_next_start(
    opened: Callable[[], RocksStore], tmp_path: Path
) -> None:
    store = opened()
    copy = filled(store, tmp_path)
    damage(copy, "*.sst")
    put_back(store, copy)
    again = opened()
    with pytest.raises(StoreDamagedError, match="start the worker again"):
        list(again.items(0))
    with pytest.raises(StoreDamagedError):
        again.get_many(0, [b"k%d" % n for n in range(ROWS)])
    again._dbs.clear()
    fresh = opened()
    assert fresh.persisted_offset(TP("ns.item-state.v1", 0)) is None
    fresh.put_many(0, [(b"k", b"v")], 7)
    assert list(fresh.items(0)) == [(b"k", b"v")]


def test_a_damaged_log_gives_an_older_state_with_its_own_offset(
    opened: Callable[[], RocksStore], tmp_path: Path
) -> None:
    """Recovery reads the rest from the changelog."""
    store = opened()
    copy = filled(store, tmp_path)
    damage(copy, "*.log")
    put_back(store, copy)
    again = opened()
    offset = again.persisted_offset(TP("ns.item-state.v1", 0))
    rows = dict(again.items(0))
    assert offset in (None, ROWS - 2_000, ROWS - 1_000)
    expected = 0 if offset is None else offset + 1_000
    assert set(rows) == {b"k%d" % n for n in range(expected)}


def test_a_database_that_lay_unused_for_a_week_is_thrown_away(opened: Callable[[], RocksStore]) -> None:
    """The changelog no longer says what was deleted since."""
    store = opened()
    store.put_many(0, [(b"k", b"v")], 7)
    folder = store.partition_path(0)
    for days, kept in ((1, True), (5.9, True), (6.1, False)):
        store._dbs.clear()
        written = time.time() - days * 86_400
        for file in folder.iterdir():
            os.utime(file, (written, written))
        store = opened()
        assert dict(store.items(0)) == ({b"k": b"v"} if kept else {})
    assert store.persisted_offset(TP("ns.item-state.v1", 0)) is None


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """As a full disk: the kernel refuses to write on. Python ignores the signal that goes with it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_recovery_that_the_disk_refuses_stops_the_app(opened: Callable[..., RocksStore], tmp_path: Path) -> None:
    """Faust alone would try again for ever and never be ready. With room again, the same batch is taken whole."""
    rng = random.Random(2)
    rows = [SimpleNamespace(key=b"k%d" % n, value=rng.randbytes(300)) for n in range(ROWS)]
    batch = SimpleNamespace(records=rows)
    tp = TP("ns.user-state.v1", 0)
    event = SimpleNamespace(message=SimpleNamespace(tp=tp, value=batch, offset=ROWS - 1))
    store = opened()
    store.put_many(0, [(b"before", b"v")], 0)

    async def recover() -> None:
        with no_file_longer_than(100_000), pytest.raises(StoreRefusedError, match="make room"):
            store.apply_changelog_batch([event], bytes, bytes)
        await asyncio.sleep(0)

    asyncio.run(recover())
    assert isinstance(store.app.crash_reason, StoreRefusedError)
    shutil.copytree(tmp_path / "headwater", tmp_path / "killed" / "headwater")
    again = opened(tmp_path / "killed")
    assert again.persisted_offset(tp) == 0 and dict(again.items(0)) == {b"before": b"v"}
    again.apply_changelog_batch([event], bytes, bytes)
    assert again.persisted_offset(tp) == ROWS - 1 and len(dict(again.items(0))) == ROWS + 1
