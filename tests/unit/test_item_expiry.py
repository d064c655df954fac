"""Deleted items lose their state long after; what still refers to them brings nothing back."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from faust.types import TP

from operators.recommender import Recommender
from operators.state.item_codec import decode_item, encode_item
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from operators.state.user_state import UserState
from schemas.records import CatalogItem, Click, Event
from streams.broker.brokers import Brokers
from streams.broker.incarnations import Incarnation
from streams.broker.update_messages import UpdateKind, pack_catalog, pack_learning
from streams.engine import Outbox, RecordBatch, create_app
from streams.metrics import Metrics
from streams.model.live import LiveNarration
from streams.settings import Settings
from streams.stages.catalog import Catalog
from streams.stages.context import Context
from streams.stages.items import META_KEY, Items
from streams.topology import ALL, CATALOG, CATALOG_ITEMS, ITEM_UPDATES, ITEMS
from tests.clocks import TurnedClock
from tests.learning_support import Run, click

DAY = 86_400_000
NOW = 1_700_000_000_000
CLICKS, ROWS = 1, 2  # sources


class Record(msgspec.Struct):
    """What a stage reads of a Kafka record."""

    offset: int
    value: bytes | None
    timestamp: int
    key: bytes | None = None
    headers: tuple[()] = ()


class Worker:
    """ITEMS and CATALOG over one index, and a learner beside them that makes their messages."""

    def __init__(self, settings: Settings, stored: Sequence[tuple[bytes, bytes]] = ()) -> None:
        self.index = ItemIndex(Parameters())
        metrics = Metrics(settings.namespace)
        ids = {topic.name(settings.namespace): Incarnation("A" * 22, 0, 1) for topic in ALL}
        context = Context(
            settings, self.index, Recommender(Parameters(), self.index), metrics, ids, LiveNarration(settings, metrics)
        )
        self.context, self.metrics = context, metrics
        self.items = Items(create_app(settings, ITEMS, Brokers("localhost:1")), context)
        self.catalog = Catalog(create_app(settings, CATALOG, Brokers("localhost:1")), context)
        self.items.table.data.put_many(0, stored, None)
        self.items.restore({0})
        self.catalog.restore({0})
        self.maker = Run(Parameters())
        self.offset = 0

    def update(self, value: bytes, day: float) -> None:
        """The next item update."""
        record = Record(self.offset, value, NOW + int(day * DAY))
        self.offset += 1
        batch = RecordBatch(TP(self.context.topic(ITEM_UPDATES), 0), [record], origin=None)
        self.items.merge(batch)

    def learn(self, day: float, *events: Event) -> None:
        self.update(pack_learning(self.maker.updates(*events).split(self.maker.index, 1)[0]), day)

    def title(self, item_id: str, title: str | None, day: float) -> None:
        kind, value = UpdateKind.DELETION, item_id.encode()
        if title is not None:
            kind, value = UpdateKind.CATALOG, msgspec.json.encode(CatalogItem(item_id, title))
        self.update(pack_catalog(kind, ROWS, self.offset, value), day)

    def publish(self) -> dict[bytes, bytes | None]:
        puts = dict(self.items.snapshot().get(0, ()))
        self.items.table.data.put_many(0, puts.items(), None)
        return puts

    def sweep(self) -> int:
        """How many rows went."""
        before = self.removed
        self.items.expiry.sweep(self.items._dirty)
        return self.removed - before

    @property
    def removed(self) -> int:
        return int(self.metrics.removed_items.of().value)

    def known(self) -> set[str]:
        """Items with state."""
        return {item_id for item_id, row in self.index.lookup.items() if not self.index.is_blank(row)}


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    yield Settings(state_dir=tmp_path, store="memory", item_partitions=1, user_partitions=1, model_backend="none")


def at(number: int, user: str, item: str, day: float) -> Click:
    return Click(f"e{number}", user, item, NOW + int(day * DAY))


@pytest.fixture
def worker(settings: Settings) -> Worker:
    """``tea`` is deleted on day 0, ``milk`` is there."""
    made = Worker(settings)
    made.title("tea", "Green Tea", -9)
    made.title("milk", "Milk", -9)
    made.learn(-8, at(0, "u0", "tea", -8), at(1, "u0", "milk", -8), at(2, "u1", "milk", -8), at(3, "u1", "tea", -8))
    made.title("tea", None, 0)
    made.publish()
    return made


def test_a_deleted_row_goes_when_its_time_is_over(worker: Worker, settings: Settings) -> None:
    worker.learn(89, at(10, "u5", "milk", 89))
    assert worker.sweep() == 0
    worker.publish()
    worker.learn(91, at(11, "u6", "milk", 91))
    assert worker.sweep() == 1 and worker.known() == {"milk"}
    puts = worker.publish()
    assert puts[b"tea"] is None and puts[b"milk"] and puts[META_KEY]
    assert worker.items.table is not None
    assert {key for key, _ in worker.items.table.items_of(0)} == {b"milk", META_KEY}
    worker.learn(300, at(12, "u7", "milk", 300))
    assert worker.sweep() == 0, "once"
    again = Worker(settings, list(worker.items.table.items_of(0)))
    assert again.known() == {"milk"}
    assert encode_item(again.index, again.index.lookup["milk"]) == puts[b"milk"]


def test_late_clicks_put_it_off(worker: Worker) -> None:
    worker.learn(60, at(10, "u5", "tea", 60))
    worker.publish()
    worker.learn(100, at(11, "u6", "milk", 100))
    assert worker.sweep() == 0
    worker.publish()
    worker.learn(151, at(12, "u6", "milk", 151))
    assert worker.sweep() == 1


def test_a_row_that_was_just_touched_waits_for_its_publication(worker: Worker) -> None:
    """Otherwise, after a crash before the meta record, a row that forgot the last message would read it again."""
    worker.learn(91, at(10, "u5", "tea", -5))  # it comes late, and is older than the deletion
    assert worker.sweep() == 0
    assert worker.publish()[b"tea"] is not None
    worker.learn(93, at(11, "u9", "milk", 93))
    assert worker.sweep() == 1


def test_never_is_never(settings: Settings) -> None:
    worker = Worker(settings.model_copy(update={"deleted_item_days": 0.0}))
    worker.title("tea", None, 0)
    worker.publish()
    worker.title("milk", "Milk", 10_000)
    assert worker.sweep() == 0


def test_one_clock_that_is_ahead_removes_nothing(worker: Worker) -> None:
    """The time of an update counts up to this worker's own."""
    worker.context.clock = TurnedClock((NOW + DAY) / 1000)
    worker.learn(5_000, at(10, "u5", "milk", 1))
    assert worker.sweep() == 0


def remove_tea(worker: Worker) -> None:
    worker.learn(91, at(10, "u9", "milk", 91))
    assert worker.sweep() == 1
    assert worker.publish()[b"tea"] is None


def test_histories_and_negatives_bring_nothing_back(worker: Worker) -> None:
    remove_tea(worker)
    events = [at(100 + n, f"u{n % 2}", f"i{n % 7}", 92 + n) for n in range(40)]  # both users had tea
    for event in events:
        worker.learn(92, event)
    assert worker.known() == {"milk", *(f"i{n}" for n in range(7))}
    assert b"tea" not in worker.publish()
    tea, milk = (worker.index.lookup[item] for item in ("tea", "milk"))
    assert tea in worker.index.neighbour_items[milk], "a list still names it"
    user = UserState.fresh("someone", worker.index.parameters)
    worker.context.recommender.observe(user, at(999, "someone", "milk", 130), NOW + 130 * DAY, 0, 0)
    worker.context.recommender.flush()
    for limit in (3, 20):
        listed = worker.context.recommender.rank(user, now_ms=NOW + 131 * DAY, limit=limit).items.tolist()
        assert listed and tea not in listed


def test_an_item_that_returns_begins_anew(worker: Worker) -> None:
    remove_tea(worker)
    worker.title("tea", "Green Tea, again", 92)
    row = worker.index.lookup["tea"]
    assert worker.index.interactions[row] == 0 and not worker.index.learned[row]
    worker.learn(93, at(11, "u0", "honey", 93))
    assert worker.index.learned[row], "it learns from histories as everything in the catalogue does"
    data = worker.publish()[b"tea"]
    assert data is not None and worker.index.is_blank(row) is False


def test_an_old_update_that_is_sent_again_is_dropped(worker: Worker) -> None:
    remove_tea(worker)
    clicks = Run(Parameters())
    clicks.offset = 3  # source 0 was merged up to the offsets of the clicks above
    again = clicks.updates(at(3, "u1", "tea", -8)).split(clicks.index, 1)[0]
    worker.update(pack_learning(again), 94)
    worker.update(pack_catalog(UpdateKind.DELETION, ROWS, 3, b"tea"), 94)
    worker.update(pack_catalog(UpdateKind.CATALOG, ROWS, 0, msgspec.json.encode(CatalogItem("tea", "Old"))), 94)
    assert worker.known() == {"milk"}


def test_other_workers_follow(worker: Worker) -> None:
    reader = ItemIndex(Parameters())
    for item_id in ("tea", "milk"):
        decode_item(reader, item_id, encode_item(worker.index, worker.index.lookup[item_id]))
    assert reader.deleted[reader.lookup["tea"]] and reader.deleted_at[reader.lookup["tea"]] == NOW
    remove_tea(worker)
    assert decode_item(reader, "tea", None) == reader.lookup["tea"]
    assert reader.is_blank(reader.lookup["tea"]) and reader.deleted_at[reader.lookup["tea"]] == 0
    fresh = ItemIndex(Parameters())
    assert decode_item(fresh, "tea", None) == -1 and fresh.size == 0, "no row for what is not there"


def test_rows_written_before_deletions_had_a_time(worker: Worker) -> None:
    run = Run(Parameters())
    run.learn(click(1, "u", "tea"))
    data = encode_item(run.index, 0)
    places = msgspec.msgpack.decode(data[6:])
    older = data[:6] + msgspec.msgpack.encode(places[:16])
    older = older[:2] + zlib.crc32(older[6:]).to_bytes(4, "little") + older[6:]
    index = ItemIndex(Parameters())
    decode_item(index, "tea", older)
    assert index.deleted_at[0] == 0 and encode_item(index, 0) == data


def catalog_record(worker: Worker, offset: int, item_id: str, title: str | None) -> int:
    """Have CATALOG read it; returns how many updates it sends."""
    value = None if title is None else msgspec.json.encode({"item_id": item_id, "title": title})
    record = Record(offset, value, NOW, item_id.encode())
    batch = RecordBatch(TP(worker.context.topic(CATALOG_ITEMS), 0), [record], origin=None)
    outbox = Outbox()
    worker.catalog.pass_on(0, worker.catalog.read(batch, outbox), outbox)
    worker.catalog.table.data.put_many(0, worker.catalog.snapshot().get(0, ()), None)
    return sum(map(len, outbox.records.values()))


def digests(worker: Worker) -> set[bytes]:
    worker.catalog._walk.slice()
    worker.catalog.table.data.put_many(0, worker.catalog.snapshot().get(0, ()), None)
    return {key for key, _ in worker.catalog.table.items_of(0)}


def test_the_digest_of_a_deleted_item_goes_after_its_state(worker: Worker) -> None:
    for offset, (item, title) in enumerate([("tea", "Green Tea"), ("milk", "Milk"), ("tea", None)]):
        assert catalog_record(worker, offset, item, title) == 1
    assert digests(worker) == {b"tea", b"milk"}
    remove_tea(worker)
    assert digests(worker) == {b"milk"}
    assert catalog_record(worker, 3, "tea", None) == 0, "nothing to delete"
    assert catalog_record(worker, 4, "tea", "Green Tea") == 1
