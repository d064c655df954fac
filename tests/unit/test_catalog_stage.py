"""CATALOG and ITEMS over one index: deletions and withdrawals, also of items that nobody has a row of."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from faust.types import TP

from operators.recommender import Recommender
from operators.state import item_index
from operators.state.item_codec import decode_item, encode_item
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from operators.state.user_state import UserState
from schemas.durations import DAY_MS
from schemas.records import CatalogItem, Click
from streams.broker.brokers import Brokers
from streams.broker.incarnations import Incarnation
from streams.broker.update_messages import pack_learning
from streams.engine import Outbox, RecordBatch, create_app
from streams.metrics import EventOutcome, Metrics
from streams.model.live import LiveNarration
from streams.settings import Settings
from streams.stages.catalog import Catalog
from streams.stages.context import Context
from streams.stages.items import META_KEY, Items
from streams.topology import ALL, CATALOG, CATALOG_ITEMS, ITEM_UPDATES, ITEMS
from tests.clocks import TurnedClock

pytestmark = pytest.mark.timeout(300)  # the first ranking compiles the kernels
NOW = 1_700_000_000_000


class Record(msgspec.Struct):
    offset: int
    value: bytes | None
    timestamp: int
    key: bytes | None = None
    headers: tuple[()] = ()


class Worker:
    """The two stages; what CATALOG sends reaches ITEMS at once. ``stored`` is what is left of an earlier one."""

    def __init__(self, settings: Settings, before: Worker | None = None) -> None:
        self.index, self.metrics, self.clock = (
            ItemIndex(Parameters()),
            Metrics(settings.namespace),
            TurnedClock(NOW / 1000),
        )
        ids = {topic.name(settings.namespace): Incarnation("A" * 22, 0, 1) for topic in ALL}
        self.recommender = Recommender(Parameters(), self.index)
        live = LiveNarration(settings, self.metrics)
        self.context = Context(settings, self.index, self.recommender, self.metrics, ids, live, self.clock)
        self.items = Items(create_app(settings, ITEMS, Brokers("localhost:1")), self.context)
        self.catalog = Catalog(create_app(settings, CATALOG, Brokers("localhost:1")), self.context)
        self.read_offset = self.update_offset = 0
        if before is not None:
            before.write()
            self.read_offset, self.update_offset = before.read_offset, before.update_offset
            for mine, other in ((self.items, before.items), (self.catalog, before.catalog)):
                mine.table.data.put_many(0, list(other.table.items_of(0)), None)
        self.items.restore({0})
        self.catalog.restore({0})

    def write(self) -> None:
        """A checkpoint of both stages."""
        for stage in (self.catalog, self.items):
            stage.table.data.put_many(0, list(stage.snapshot().get(0, ())), None)

    def send(self, value: Mapping[str, Any] | bytes | None, key: bytes | None, time_ms: int = NOW) -> Outbox:
        """One record of the catalogue, and what comes of it."""
        text = json.dumps(value).encode() if isinstance(value, Mapping) else value
        record, outbox = Record(self.read_offset, text, time_ms, key), Outbox()
        self.read_offset += 1
        batch = RecordBatch(TP(self.context.topic(CATALOG_ITEMS), 0), [record], origin=None)
        self.catalog.pass_on(0, self.catalog.read(batch, outbox), outbox)
        self._merge(outbox, time_ms)
        return outbox

    def row(self, item: str, **fields: Any) -> Outbox:
        return self.send({"item_id": item, "title": f"The {item}"} | fields, item.encode())

    def click(self, item: str, users: int = 1) -> None:
        """Clicks by users of their own, merged by ITEMS."""
        maker = Recommender(Parameters(), ItemIndex(Parameters()))
        for _ in range(users):
            number = self.update_offset = self.update_offset + 1
            state = UserState.fresh(f"c{number}", maker.parameters)
            maker.observe(state, Click(f"e{number}", f"c{number}", item, NOW), NOW, 0, number)
        updates = maker.flush()
        assert updates is not None
        self._update(pack_learning(updates.split(maker.index, 1)[0]), NOW)

    def tick(self) -> None:
        """A second later."""
        self.clock.turn(1.1)
        self.catalog.sweep(writing=False)
        outbox = Outbox()
        self.catalog.release(outbox)
        self._merge(outbox, NOW)

    def _merge(self, outbox: Outbox, time_ms: int) -> None:
        for (topic, _), records in outbox.records.items():
            for record in records if topic == self.context.topic(ITEM_UPDATES) else ():
                self._update(record[1], time_ms)

    def _update(self, value: bytes, time_ms: int) -> None:
        self.update_offset += 1
        record = Record(self.update_offset, value, time_ms)
        self.items.merge(RecordBatch(TP(self.context.topic(ITEM_UPDATES), 0), [record], origin=None))

    def listed(self) -> set[str]:
        """What a new user is recommended."""
        ranked = self.recommender.rank(UserState.fresh("n", self.index.parameters), now_ms=NOW, limit=50)
        return {self.index.ids[row] for row in ranked.items.tolist()}

    def outcomes(self, outcome: EventOutcome) -> int:
        return int(self.metrics.events.of(CATALOG_ITEMS, outcome).value)

    def published(self) -> set[bytes]:
        self.write()
        return {key for key, _ in self.items.table.items_of(0)} - {META_KEY}

    def marks(self) -> dict[bytes, bytes]:
        self.write()
        return dict(self.catalog.table.items_of(0))


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    yield Settings(state_dir=tmp_path, store="memory", item_partitions=1, user_partitions=1, model_backend="none")


@pytest.fixture
def worker(settings: Settings) -> Worker:
    made = Worker(settings)
    for name in ("tea", "cup", "pot"):
        made.row(name)
    return made


# ---- deletions
def test_a_null_deletes_what_only_events_know(worker: Worker, settings: Settings) -> None:
    worker.click("x9", users=5)
    assert "x9" in worker.listed()
    worker.send(None, b"x9")
    assert "x9" not in worker.listed()
    assert (worker.outcomes(EventOutcome.LEARNED), worker.outcomes(EventOutcome.IGNORED)) == (4, 0)
    worker.send(None, b"x9")
    assert worker.outcomes(EventOutcome.IGNORED) == 1, "once is enough"
    after = Worker(settings, worker)
    after.click("x9", users=5)
    assert "x9" not in after.listed()
    after.row("x9")
    assert "x9" in after.listed()


def test_a_null_first_then_a_click(worker: Worker) -> None:
    worker.send(None, b"x7")
    assert worker.outcomes(EventOutcome.IGNORED) == 1 and b"x7" not in worker.published()
    assert "x7" not in worker.index.lookup, "it makes no row"
    worker.click("x7", users=9)
    assert "x7" not in worker.listed()
    worker.row("x7")
    assert "x7" in worker.listed()
    worker.send(None, b"x7")
    assert "x7" not in worker.listed()


@pytest.mark.parametrize("value", [None, b'{"item_id":"x7"}'])
def test_a_null_or_a_refused_row_first_then_a_restart_then_a_click(
    worker: Worker, settings: Settings, value: bytes | None
) -> None:
    worker.send(value, b"x7")
    after = Worker(settings, worker)
    after.click("x7", users=9)
    after.tick()
    assert "x7" not in after.listed()
    assert b"x7" in after.published()
    last = Worker(settings, after)
    assert "x7" not in last.listed()
    last.row("x7")
    last.tick()
    assert "x7" in last.listed()


def test_items_that_have_no_mark_are_left_alone(worker: Worker) -> None:
    worker.click("free", users=3)
    for _ in range(3):
        worker.tick()
    assert "free" in worker.listed()


def test_what_nobody_knows_is_remembered_within_bounds(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(item_index, "MAX_ABSENT", 10)
    before = worker.index.size
    for number in range(100):
        worker.send(None, f"ghost-{number}".encode())
    assert worker.index.size == before and list(worker.index.absent) == [f"ghost-{n}" for n in range(90, 100)]
    worker.click("ghost-3", users=3)
    worker.tick()
    assert "ghost-3" not in worker.listed(), "its mark is in the table"


def test_marks_of_what_nobody_knew_go_when_their_time_is_over(worker: Worker) -> None:
    worker.send(None, b"ghost")
    for days, there in ((89, True), (92, False)):
        worker.clock.turn(days * DAY_MS / 1000)
        worker.send({"item_id": "tea", "title": f"Tea {days}"}, b"tea", NOW + days * DAY_MS)
        worker.marks()
        worker.tick()
        assert (b"ghost" in worker.marks()) is there
    assert not worker.index.absent and b"tea" in worker.marks()


# ---- refused rows
BAD = {"title": None}


@pytest.mark.parametrize(
    "refused",
    [
        {"item_id": "tea", "title": None},
        {"item_id": "tea", "title": "(not set)", "available": False},
        {"item_id": 7, "title": "Tea"},
        b'{"item_id":"tea","available":fal',
        b"\xff",
        {"specversion": "1.0", "type": "item.deleted", "source": "/pim", "id": "x3"},
    ],
)
def test_a_refused_row_withdraws_its_item_until_a_good_one_comes(
    worker: Worker, settings: Settings, refused: dict[str, Any] | bytes
) -> None:
    worker.click("tea", users=9)
    assert "tea" in worker.listed()
    worker.send(refused, b"tea")
    row = worker.index.lookup["tea"]
    assert "tea" not in worker.listed() and worker.index.withdrawn[row]
    assert worker.index.cataloged[row] and not worker.index.deleted[row], "it is no deletion"
    assert worker.outcomes(EventOutcome.REJECTED) == 1
    updates = worker.context.topic(ITEM_UPDATES)
    assert updates not in {topic for topic, _ in worker.send(refused, b"tea").records}, "withdrawn once"
    after = Worker(settings, worker)
    assert "tea" not in after.listed()
    after.click("tea", users=3)
    assert "tea" not in after.listed()
    after.row("tea")
    assert "tea" in after.listed(), "the same row as before counts again"


def test_a_refused_row_withdraws_what_only_events_know(worker: Worker, settings: Settings) -> None:
    worker.click("x", users=9)
    worker.send({"item_id": "x", "title": 5}, b"x")
    assert "x" not in worker.listed()
    assert "x" not in Worker(settings, worker).listed()
    worker.row("x")
    assert "x" in worker.listed()


def test_a_row_under_a_wrong_key_withdraws_the_item_that_it_is_about(worker: Worker) -> None:
    worker.send({"item_id": "tea", "title": "Tea"}, b'"tea"')
    assert "tea" not in worker.listed() and {"cup", "pot"} <= worker.listed()
    worker.row("tea")
    assert "tea" in worker.listed()


def test_a_deleted_item_stays_deleted_though_a_row_is_refused(worker: Worker) -> None:
    worker.send(None, b"tea")
    worker.send({"item_id": "tea"}, b"tea")
    assert worker.index.deleted[worker.index.lookup["tea"]] and "tea" not in worker.listed()
    worker.row("tea")
    assert "tea" in worker.listed()


def test_a_refusal_without_a_name_withdraws_nothing(worker: Worker) -> None:
    before = worker.listed()
    for value, key in ((b"{", b"\xff"), (b"{", None), (None, b'{"item_id":"tea"}'), (b"{", b'{"item_id":"tea"}')):
        worker.send(value, key)
    assert worker.listed() == before and worker.outcomes(EventOutcome.REJECTED) == 4


# ---- fields
@pytest.mark.parametrize("spelling", ["false", "no", 0, "out_of_stock", "https://schema.org/OutOfStock", "who knows"])
def test_an_item_that_is_not_available_is_not_listed(worker: Worker, spelling: Any) -> None:
    worker.click("tea", users=9)
    worker.row("tea", available=spelling)
    assert "tea" not in worker.listed() and worker.outcomes(EventOutcome.REJECTED) == 0
    worker.row("tea", available="in stock")
    assert "tea" in worker.listed()


def test_dropped_fields_are_counted_and_said_once_a_minute(worker: Worker, caplog: pytest.LogCaptureFixture) -> None:
    def counted(field: str, reason: str) -> float | None:
        return worker.metrics.registry.value("headwater_catalog_fields_dropped_total", field=field, reason=reason)

    with caplog.at_level(logging.WARNING):
        for number in range(50):
            worker.row(f"i{number}", price="$99.00", categories=[["x"]], vectors={"v": [1] * (2 + number % 2)})
        worker.clock.turn(61)
        worker.row("last", price="—")
    assert counted("price", "bad_text") == 51 and counted("categories", "wrong_type") == 50
    assert counted("vectors", "out_of_range") == 25, "the first row says how many components"
    lines = [record.getMessage() for record in caplog.records if "was dropped" in record.getMessage()]
    assert len(lines) == 2 and "price '$99.00'" in lines[0] and "'i0'" in lines[0]
    assert "such line: 124." in lines[1]
    assert worker.index.catalog[worker.index.lookup["last"]] == CatalogItem("last", "The last")


def test_stored_rows_keep_a_withdrawal_and_older_ones_have_none(worker: Worker) -> None:
    worker.send(BAD, b"tea")
    row = worker.index.lookup["tea"]
    data, reader = encode_item(worker.index, row), ItemIndex(Parameters())
    there = decode_item(reader, "tea", data)
    assert reader.withdrawn[there] and not reader.available[there] and reader.cataloged[there]
    worker.row("tea")
    decode_item(reader, "tea", encode_item(worker.index, row))
    assert not reader.withdrawn[there] and reader.available[there]
    worker.send(BAD, b"tea")
    decode_item(reader, "tea", encode_item(worker.index, row))
    decode_item(reader, "tea", None)
    assert reader.available[there] and not reader.withdrawn[there], "a row that is gone is as if never seen"
