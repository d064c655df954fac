"""What a table asks of its store: one suite for RocksDB and for memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from faust.types import TP

from streams.broker.brokers import Brokers
from streams.engine import BatchTable
from streams.engine.app import create_app
from streams.engine.store import WALKED_AT_ONCE, LocalStore, MemoryStore, RocksStore
from streams.settings import Settings
from streams.topology import ITEMS

KINDS = {"rocksdb": RocksStore, "memory": MemoryStore}
CHANGELOG = "ns.item-state.v1"
ROWS = {b"k%04d" % n: b"v%d" % n for n in range(5 * WALKED_AT_ONCE)}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def opened(kind: str, tmp_path: Path) -> Callable[[], LocalStore]:
    """Opens the store of a table, as a newly started worker does."""

    def make() -> LocalStore:
        app = create_app(Settings(state_dir=tmp_path, store=kind), ITEMS, Brokers("127.0.0.1:1"))
        store = BatchTable(app, name="items", changelog=CHANGELOG, partitions=2).data
        assert isinstance(store, KINDS[kind])
        return store

    return make


@pytest.fixture
def store(opened: Callable[[], LocalStore]) -> LocalStore:
    return opened()


def changelog_batch(partition: int, offset: int, *rows: tuple[bytes | None, bytes | None]) -> SimpleNamespace:
    """An event as recovery has it: one message whose value is a batch of records."""
    batch = SimpleNamespace(records=[SimpleNamespace(key=key, value=value) for key, value in rows])
    return SimpleNamespace(message=SimpleNamespace(tp=TP(CHANGELOG, partition), value=batch, offset=offset))


def test_a_new_store_is_empty(store: LocalStore) -> None:
    assert store.get_many(0, [b"a"]) == [None]
    assert list(store.items(0)) == list(store.walk(0)) == []
    assert store.count(0) == 0
    assert store.persisted_offset(TP(CHANGELOG, 0)) is None


def test_values_come_in_the_order_of_the_keys(store: LocalStore) -> None:
    store.put_many(0, [(b"a", b"1"), (b"b", b""), (b"c", b"3")], 7)
    assert store.get_many(0, [b"c", b"no", b"a", b"b", b"c"]) == [b"3", None, b"1", b"", b"3"]
    assert store.get_many(0, []) == []


def test_later_writes_win_within_a_batch_and_after_it(store: LocalStore) -> None:
    store.put_many(0, [(b"a", b"1"), (b"a", b"2"), (b"b", b"1"), (b"b", None), (b"c", None), (b"c", b"1")], None)
    assert dict(store.items(0)) == {b"a": b"2", b"c": b"1"}
    store.put_many(0, iter([(b"a", None), (b"never there", None), (b"c", b"2")]), 9)
    assert dict(store.items(0)) == {b"c": b"2"}


def test_partitions_are_apart(store: LocalStore) -> None:
    store.put_many(0, [(b"a", b"0")], 1)
    store.put_many(1, [(b"a", b"1")], 2)
    store.put_many(0, [(b"a", None)], 3)
    assert store.get_many(0, [b"a"]) == [None] and store.get_many(1, [b"a"]) == [b"1"]
    assert dict(store.items(0)) == {} and store.count(1) == 1


@pytest.mark.parametrize("offset", [None, 0, 7])
def test_the_offset_is_no_row(store: LocalStore, offset: int | None) -> None:
    store.put_many(0, ROWS.items(), offset)
    assert dict(store.items(0)) == dict(store.walk(0)) == ROWS
    assert len(list(store.items(0))) == len(list(store.walk(0))) == store.count(0) == len(ROWS)


def test_items_are_those_there_were_when_iteration_began(store: LocalStore) -> None:
    store.put_many(0, ROWS.items(), None)
    rows = store.items(0)
    first = next(rows)
    store.put_many(0, [(key, None) for key in ROWS], None)
    store.put_many(0, [(b"k9999", b"later")], None)
    assert dict([first, *rows]) == ROWS
    assert dict(store.items(0)) == {b"k9999": b"later"}


def test_a_walk_sees_what_stays_once_and_pins_nothing(store: LocalStore) -> None:
    store.put_many(0, ROWS.items(), None)
    keys = sorted(ROWS)
    stay = set(keys[::2])
    walk = store.walk(0)
    seen = [next(walk)[0] for _ in range(WALKED_AT_ONCE + 1)]
    store.put_many(0, [(key, None) for key in keys if key not in stay], None)
    store.put_many(0, [(b"k%04d-new" % n, b"later") for n in range(len(ROWS))], None)
    after = [key for key, _ in walk]
    assert len(set(seen + after)) == len(seen + after), "no key twice"
    assert stay <= set(seen + after)
    gone = [key for key in after if key in ROWS and key not in stay]
    assert len(gone) <= WALKED_AT_ONCE, "what is in a part may be old, what comes after it is not"


def test_a_walk_over_rows_that_are_written_while_it_lasts_ends(store: LocalStore) -> None:
    """Whoever walks writes: the rows of forgotten users are deleted, and their neighbours change."""
    store.put_many(0, ROWS.items(), None)
    for number, (key, value) in enumerate(store.walk(0)):
        store.put_many(0, [(key, None if number % 2 else value + b"!")], number)
    left = dict(store.items(0))
    assert len(left) == len(ROWS) / 2 and all(value.endswith(b"!") for value in left.values())


def test_recovery_applies_batches_of_the_changelog(store: LocalStore, kind: str) -> None:
    rows = [(b"a", b"1"), (None, b"no key, no row"), (b"b", b"2"), (b"a", None)]
    store.apply_changelog_batch([changelog_batch(0, 3, *rows), changelog_batch(1, 0, (b"c", b"3"))], bytes, bytes)
    store.apply_changelog_batch([changelog_batch(0, 4, (b"d", b"4"))], bytes, bytes)
    assert dict(store.items(0)) == {b"b": b"2", b"d": b"4"}
    assert dict(store.items(1)) == {b"c": b"3"}
    offsets = [store.persisted_offset(TP(CHANGELOG, partition)) for partition in (0, 1)]
    assert offsets == ([4, 0] if kind == "rocksdb" else [None, None])


def test_an_offset_speaks_for_what_is_there_at_the_next_start(opened: Callable[[], LocalStore], kind: str) -> None:
    """RocksDB has the rows and says from where on to read; memory has none and says so."""
    store = opened()
    store.put_many(0, ROWS.items(), None)
    store.put_many(0, (), 41)
    store.put_many(0, [(b"k0000", None)], None)
    if kind == "rocksdb":
        store._dbs.clear()
    again = opened()
    rest = {key: value for key, value in ROWS.items() if key != b"k0000"}
    assert dict(again.items(0)) == (rest if kind == "rocksdb" else {})
    assert again.persisted_offset(TP(CHANGELOG, 0)) == (41 if kind == "rocksdb" else None)


def test_a_partition_that_left_does_not_come_back_as_it_was(store: LocalStore, kind: str) -> None:
    """Another worker has written it meanwhile: what is still here has an offset behind which all is read again."""
    store.put_many(0, [(b"a", b"1")], 5)
    store.put_many(1, [(b"b", b"1")], 6)
    active = {TP(CHANGELOG, 1)}
    asyncio.run(store.on_recovery_completed(active, set()))
    assert dict(store.items(1)) == {b"b": b"1"}, "what stays is untouched"
    offset = store.persisted_offset(TP(CHANGELOG, 0))
    assert (offset, dict(store.items(0))) == ((5, {b"a": b"1"}) if kind == "rocksdb" else (None, {}))
