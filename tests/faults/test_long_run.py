"""State and topics stay bounded: idle users and deleted items are removed for good, and nothing else is."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import rocksdict

from operators.recommender import Recommender
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from streams.broker.brokers import Brokers
from streams.broker.partitioning import partition_of
from streams.metrics import Metrics
from streams.model.live import LiveNarration
from streams.stages.context import Context
from streams.stages.items import META_KEY
from streams.topology import CATALOG_ITEMS, CATALOG_STATE, CLICK, ITEM_STATE, USER_STATE
from streams.worker.gaps import Gaps
from streams.worker.index_reader import IndexReader
from tests.integration.load import Load
from tests.integration.reference import assert_exact
from tests.integration.shop import Shop
from tests.integration.waiting import wait_until
from tests.integration.worker import Worker

pytestmark = [pytest.mark.integration, pytest.mark.faults, pytest.mark.timeout(120)]
DAY = 86_400_000
PARTITIONS = 2
CROWD = [f"crowd-{n}" for n in range(60)]  # enough in each partition for its time to be believed


@pytest.fixture
def old_shop(kafka: Any, namespace: str, tmp_path: Path) -> Iterable[Shop]:
    """Its clicks are kept, however old they are."""
    made = Shop(kafka.bootstrap, namespace, tmp_path, PARTITIONS, {CLICK.suffix: {"retention.ms": "-1"}})
    yield made
    made.close()


def send_clicks(shop: Shop, users: Iterable[str], at_ms: int, item: str | None = None) -> None:
    """A click of each user, of that Kafka time."""
    for number, user in enumerate(users):
        value = {
            "event_id": f"{user}-{at_ms}", "user_id": user, "item_id": item or f"i{number % 17}", "occurred_at": at_ms
        }  # fmt: skip
        shop.send(CLICK.suffix, value, timestamp=at_ms)
    shop.flush()


def expired(worker: Worker) -> float:
    return worker.metric("headwater_expired_users_total") or 0.0


def stored(worker: Worker, stage: str) -> dict[bytes, bytes]:
    """What a stopped worker's local store holds."""
    rows: dict[bytes, bytes] = {}
    folder = worker.folder / "state" / worker.env["HEADWATER_NAMESPACE"] / worker.name / stage
    paths = [path for path in folder.rglob("*.db") if path.is_dir()]
    assert len(paths) == PARTITIONS
    for path in paths:
        database = rocksdict.Rdict(
            str(path), options=rocksdict.Options(raw_mode=True), access_type=rocksdict.AccessType.read_only()
        )
        rows |= {key: value for key, value in database.items() if not key.startswith(b"__") and key != META_KEY}
        database.close()
    return rows


def newest(shop: Shop, suffix: str) -> dict[bytes, bytes | None]:
    """The last value of each key, None for a tombstone; without the records about a partition, which share a key."""
    return {message.key(): message.value() for message in shop.read(suffix) if message.key() != META_KEY}


def test_idle_users_are_forgotten(old_shop: Shop) -> None:
    """90 days without an event: gone from changelog and store; nothing changes for others; who returns is new."""
    shop, now = old_shop, old_shop.began_ms
    idle, regulars = [f"idle-{n}" for n in range(300)], [f"regular-{n}" for n in range(100)]
    worker = shop.worker()
    worker.wait_ready()
    send_clicks(shop, idle, now - 200 * DAY)
    send_clicks(shop, regulars, now - 200 * DAY)
    send_clicks(shop, idle[:50], now - 199 * DAY)
    send_clicks(shop, [*regulars, *CROWD], now - 111 * DAY)
    shop.wait_lag_zero()
    assert len(shop.user_states()) == 460 and expired(worker) == 0

    days = iter(range(-100, 0))

    def gone() -> bool:
        """Time goes on by a day; a walk may pass by a user who is just being written."""
        send_clicks(shop, CROWD, now + next(days) * DAY)
        shop.wait_lag_zero()
        return expired(worker) >= 300

    wait_until(gone, 60, shop.logs)
    assert expired(worker) == 300
    wait_until(lambda: len(shop.user_states()) == 160, 10, shop.logs)
    forgotten = dict.fromkeys(idle, now)
    assert_exact(shop, forgotten)

    back = idle[:3]
    send_clicks(shop, back, now, "a thing of today")
    shop.wait_lag_zero()
    assert [shop.user_states()[user].clicks for user in back] == [1, 1, 1]
    verdict = assert_exact(shop, forgotten)
    assert verdict.users == 163 and verdict.records == len(back)

    kept = {key: value for key, value in newest(shop, USER_STATE.suffix).items() if value is not None}
    assert len(kept) == 163
    for _ in range(2):  # with its local state, and without
        assert worker.stop() == 0
        assert stored(worker, "profiles") == kept
        worker.wipe()
        worker.start()
        worker.wait_ready()
    assert assert_exact(shop, forgotten) == verdict


class Reader:
    """An index that follows ``item-state.v1`` by the program's own reader."""

    def __init__(self, shop: Shop) -> None:
        settings, parameters = shop.settings, Parameters()
        self.index = ItemIndex(parameters, lambda key: partition_of(key, settings.item_partitions))
        metrics = Metrics(settings.namespace)
        self.context = Context(
            settings, self.index, Recommender(parameters, self.index), metrics, {}, LiveNarration(settings, metrics)
        )
        self.shop = shop

    async def until(self, condition: Any, timeout: float) -> None:
        gaps = Gaps(self.context.metrics, self.shop.namespace)
        reader = IndexReader(Brokers(self.shop.brokers), self.context, gaps)
        task = asyncio.create_task(reader.run())
        try:
            async with asyncio.timeout(timeout):
                while not (reader.loaded.is_set() and condition()):
                    assert not task.done(), task.exception()
                    await asyncio.sleep(0.1)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def knows(self, item_id: str) -> bool:
        row = self.index.lookup.get(item_id)
        return row is not None and not self.index.is_blank(row)


def listed(records: Iterable[dict[str, Any]]) -> Counter[str]:
    """How often each item was recommended."""
    return Counter(item["item_id"] for record in records for item in record["items"])


def test_deleted_items_are_forgotten_by_all_workers(shop: Shop) -> None:
    """Tombstones remove row and digest, every index follows, histories bring nothing back; the item may return."""
    seconds = str(3 / 86_400)
    items = shop.worker("w0", "items,catalog", HEADWATER_DELETED_ITEM_DAYS=seconds)
    profiles = shop.worker("w1", "profiles", HEADWATER_DELETED_ITEM_DAYS=seconds)
    items.wait_ready()
    profiles.wait_ready()
    for item in ("tea", "milk", "bread", "salt"):
        shop.send(CATALOG_ITEMS.suffix, {"item_id": item, "title": f"Title of {item}"})
    shop.flush()
    wait_until(lambda: len(shop.items().lookup) == 4, 30, shop.logs)
    users = [f"u{n}" for n in range(40)]
    began = int(time.time() * 1000)
    send_clicks(shop, users, began, "tea")
    send_clicks(shop, users, began + 1, "milk")
    shop.wait_lag_zero()
    reader = Reader(shop)
    asyncio.run(reader.until(lambda: reader.knows("tea") and reader.knows("milk"), 20))

    shop.send(CATALOG_ITEMS.suffix, None, key="tea")
    shop.flush()
    wait_until(lambda: bool(shop.items().deleted[shop.items().lookup["tea"]]), 20, shop.logs)
    shown = len(shop.records())
    ticks = iter(range(10_000))

    def gone() -> bool:
        """People who had tea go on with other things: time moves, and every click has tea in its user's history."""
        tick = next(ticks)
        send_clicks(shop, users[:10], began + 1_000 + tick, f"bread {tick}")
        rows, digests = newest(shop, ITEM_STATE.suffix), newest(shop, CATALOG_STATE.suffix)
        return rows[b"tea"] is None and digests[b"tea"] is None

    wait_until(gone, 40, shop.logs)
    assert items.metric("headwater_removed_items_total") == 1
    send_clicks(shop, users, began + 20_000, "salt")
    shop.wait_lag_zero()
    assert newest(shop, ITEM_STATE.suffix)[b"tea"] is None, "histories do not bring it back"
    asyncio.run(reader.until(lambda: not reader.knows("tea") and reader.knows("salt"), 20))
    lists = listed(shop.records()[shown:])
    assert lists["tea"] == 0 and lists.total() > 0

    kept = {key: value for key, value in newest(shop, ITEM_STATE.suffix).items() if value is not None}
    assert items.stop() == 0
    assert stored(items, "items") == {key: value for key, value in newest(shop, ITEM_STATE.suffix).items() if value}
    items.wipe()
    items.start()
    items.wait_ready()
    assert newest(shop, ITEM_STATE.suffix).keys() == kept.keys() | {b"tea"}

    shop.send(CATALOG_ITEMS.suffix, {"item_id": "tea", "title": "Green Tea"})
    shop.flush()
    wait_until(lambda: newest(shop, ITEM_STATE.suffix)[b"tea"] is not None, 20, shop.logs)
    found = shop.items()
    assert found.interactions[found.lookup["tea"]] == 0 and found.cataloged[found.lookup["tea"]]
    assert found.interactions[found.lookup["milk"]] == len(users)


def test_compaction_bounds_the_changelog(kafka: Any, namespace: str, tmp_path: Path) -> None:
    """Old versions, removed users and their tombstones leave the broker's log; about one record per user remains."""
    prompt = {"segment.ms": "500", "min.cleanable.dirty.ratio": "0.01", "delete.retention.ms": "0"}
    shop = Shop(
        kafka.bootstrap,
        namespace,
        tmp_path,
        PARTITIONS,
        {CLICK.suffix: {"retention.ms": "-1"}, USER_STATE.suffix: prompt},
    )
    try:
        now, idle = shop.began_ms, [f"idle-{n}" for n in range(300)]
        worker = shop.worker(HEADWATER_CHECKPOINT_INTERVAL="0.2")
        worker.wait_ready()
        send_clicks(shop, idle, now - 200 * DAY)
        for days in (4, 3, 2, 1):  # a walk may pass by users who are just being written
            shop.wait_lag_zero()
            send_clicks(shop, CROWD, now - days * DAY)
        wait_until(lambda: expired(worker) == 300, 20, shop.logs)
        lines = [
            {
                "topic": CLICK.suffix,
                "value": {"event_id": f"e{n}", "user_id": CROWD[n % 60], "item_id": f"i{n % 9}", "occurred_at": now},
            }
            for n in range(20_000)
        ]  # fmt: skip
        load = Load(shop, lines, 150.0)
        ends: list[int] = []

        def bounded() -> bool:
            left = shop.read(USER_STATE.suffix)
            ends[:] = [len(left), sum(end for end in shop.ends([USER_STATE.suffix]).values())]
            return len(left) < ends[1] / 3 and not any(message.key().startswith(b"idle") for message in left)

        wait_until(bounded, 90, lambda: f"{ends} {shop.logs()}")
        load.halt()
        shop.wait_lag_zero()
        assert expired(worker) == 300 and len(shop.user_states()) == len(CROWD)
    finally:
        shop.close()
