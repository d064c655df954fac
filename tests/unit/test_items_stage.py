"""ITEMS after a crash between the rows and the meta record: rows are ahead of it, and nothing is merged twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from faust.types import TP

from operators.recommender import Recommender
from operators.state.errors import StateCorruptError
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from operators.state.user_state import UserState
from schemas.records import CatalogItem, Click
from streams.broker.brokers import Brokers
from streams.broker.incarnations import Incarnation
from streams.broker.update_messages import UpdateKind, pack_catalog, pack_learning
from streams.clock import Clock
from streams.engine import RecordBatch, create_app
from streams.metrics import Metrics
from streams.model.live import LiveNarration
from streams.settings import Settings
from streams.stages.context import Context
from streams.stages.items import META_KEY, PUBLISHING_SHARE, WRITING, Items
from streams.topology import ITEM_STATE, ITEM_UPDATES, ITEMS
from tests.clocks import TurnedClock

CLICKS, CATALOG = 1, 2  # sources
NOW = 1_700_000_000_000


class Record(msgspec.Struct):
    """What a stage reads of a Kafka record."""

    offset: int
    value: bytes
    timestamp: int = NOW


class Process:
    """An ITEMS stage and its index, as after the start of a worker."""

    def __init__(self, settings: Settings, stored: Sequence[tuple[bytes, bytes]], clock: Clock | None = None) -> None:
        self.index = ItemIndex(Parameters())
        metrics = Metrics(settings.namespace)
        ids = {topic.name(settings.namespace): Incarnation("A" * 22, 0, 1) for topic in (ITEM_STATE, ITEM_UPDATES)}
        recommender = Recommender(Parameters(), self.index, settings.seed)
        context = Context(
            settings, self.index, recommender, metrics, ids, LiveNarration(settings, metrics), clock or Clock()
        )
        self.stage = Items(create_app(settings, ITEMS, Brokers("localhost:1")), context)
        self.stage.table.data.put_many(0, stored, None)
        self.stage.restore({0})

    def read(self, log: Sequence[bytes], first: int = 0) -> None:
        records = [Record(offset, value) for offset, value in enumerate(log)][first:]
        batch = RecordBatch(TP(self.stage.context.topic(ITEM_UPDATES), 0), records, origin=None)
        self.stage.merge(batch)

    def interactions(self) -> float:
        return float(self.index.interactions[self.index.lookup["film"]])

    def title(self) -> str | None:
        record = self.index.catalog[self.index.lookup["film"]]
        return record.title if record else None


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    yield Settings(state_dir=tmp_path, store="memory", item_partitions=1, user_partitions=1, model_backend="none")


def clicks(first: int, last: int, items: Sequence[str] = ("film",)) -> bytes:
    """What a profiles worker sends for the clicks at these offsets; the same again after a crash."""
    maker = Recommender(Parameters(), ItemIndex(Parameters()), 7)
    for offset in range(first, last):
        state = UserState.fresh(f"u{offset}", maker.parameters)
        event = Click(event_id=f"e{offset}", user_id=f"u{offset}", occurred_at=NOW, item_id=items[offset % len(items)])
        maker.observe(state, event, NOW, CLICKS, offset)
    updates = maker.flush()
    assert updates is not None
    return pack_learning(updates.split(maker.index, 1)[0])


def titled(title: str, offset: int) -> bytes:
    payload = msgspec.json.encode(CatalogItem("film", title))
    return pack_catalog(UpdateKind.CATALOG, CATALOG, offset, payload)


def test_rows_that_were_published_without_their_meta_record(settings: Settings) -> None:
    """The published row contains all messages; an earlier catalogue change must not make it forget which."""
    log = [clicks(0, 10), titled("First", 0), titled("Second", 1), clicks(10, 30)]
    before = Process(settings, [])
    before.read(log)
    published = dict(before.stage.snapshot()[0])
    del published[META_KEY]  # the crash came first

    after = Process(settings, list(published.items()))
    after.read(log)
    assert (after.interactions(), after.title()) == (30.0, "Second")
    after.read([*log, clicks(5, 35)], first=4)  # a profiles worker crashed, too
    assert after.interactions() == 35.0
    assert META_KEY in dict(after.stage.snapshot()[0])


def test_updates_that_are_sent_again_are_merged_once(settings: Settings) -> None:
    process = Process(settings, [])
    process.read([clicks(0, 10), clicks(5, 12), clicks(0, 12)])
    assert process.interactions() == 12.0


def test_a_deletion_that_is_read_again(settings: Settings) -> None:
    deletion = pack_catalog(UpdateKind.DELETION, CATALOG, 1, b"film")
    log = [titled("First", 0), deletion, clicks(0, 3), titled("Back", 2), clicks(3, 5)]
    before = Process(settings, [])
    before.read(log)
    published = {key: value for key, value in before.stage.snapshot()[0] if key != META_KEY}
    after = Process(settings, list(published.items()))
    after.read(log)
    assert (after.interactions(), after.title()) == (5.0, "Back")


@pytest.mark.parametrize(
    "garbage",
    [b"", b"?", b"from elsewhere", pack_learning(b"from elsewhere"), clicks(0, 2)[:-3]]
    + [pack_catalog(kind, CATALOG, 9, b"\xff{") for kind in UpdateKind if kind is not UpdateKind.LEARNING],
)
def test_a_record_that_is_no_update_is_named_with_what_to_do(settings: Settings, garbage: bytes) -> None:
    """What came before it in the same batch is merged, and no mark goes past it."""
    process = Process(settings, [])
    with pytest.raises(StateCorruptError) as found:
        process.read([clicks(0, 3), titled("Film", 5), garbage, clicks(3, 4)])
    said = str(found.value)
    assert "item-updates.v1-0, offset 2" in said and "headwater topics accept" in said
    assert "user-state.v1" not in said, "advice for another topic"
    assert process.interactions() == 3 and process.title() == "Film"
    assert process.stage._merged[0].message == 1


def test_a_publication_of_few_rows_does_not_wait_for_the_one_of_many_before_it(
    settings: Settings,
) -> None:
    """How long changes wait goes by what is to be published next, and by whether there is anything else to do."""
    clock, usual = TurnedClock(), settings.item_publish_interval
    process = Process(settings, [], clock)

    def publish() -> None:
        clock.ticks = 0.001  # at each look: encoding a row takes that long
        dict(process.stage.snapshot()[0])
        clock.ticks = 0.0

    log = [clicks(0, 1000, [f"film-{n}" for n in range(1000)])]
    process.read(log)
    assert process.stage.due_interval(usual) == usual, "what it takes is not known yet"
    publish()
    process.read([*log, clicks(1000, 2000, [f"film-{n}" for n in range(1000)])], first=1)
    assert process.stage.due_interval(usual) == pytest.approx(WRITING * 1.0 / PUBLISHING_SHARE)
    publish()
    process.read([b"", b"", clicks(2000, 2001)], first=2)
    assert process.stage.due_interval(usual) == usual
    process.read([b"", b"", b"", clicks(2001, 3001, [f"film-{n}" for n in range(1000)])], first=3)
    assert process.stage.due_interval(usual) > 30
    clock.turn(1.1)
    assert process.stage.due_interval(usual) == usual, "nothing else has come for a second"
