"""Offsets that are gone before a worker read them: it goes on behind them, and says how many there were."""

from __future__ import annotations

import signal
import time

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # public, but not listed for type checkers
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from streams.broker import group_offsets
from streams.broker.brokers import Brokers
from streams.topology import CLICK, ITEM_STATE, USER_STATE
from tests.integration.shop import Shop
from tests.integration.waiting import wait_until
from tests.integration.worker import Worker

pytestmark = [pytest.mark.integration, pytest.mark.user_partitions(1)]


def clicks(shop: Shop, numbers: range, user: str = "u1") -> None:
    for n in numbers:
        click = {"event_id": f"e{n}", "user_id": user, "item_id": f"i{n % 7}", "occurred_at": int(time.time() * 1000)}
        shop.send(CLICK.suffix, click)
    shop.flush()


def cut(shop: Shop, suffix: str, offset: int, partition: int = 0) -> None:
    """Remove the records of a partition before ``offset``."""
    place = TopicPartition(shop.topic(suffix), partition, offset)
    shop.admin.delete_records([place])[place].result(30)


def told(shop: Shop, worker: Worker, suffix: str, missing: int, first: int, partition: int = 0) -> None:
    """One warning and one sample have topic, partition and the number of missing offsets."""
    line = f"{shop.topic(suffix)}-{partition}: {missing} offsets are missing, {first} to {first + missing - 1}:"
    assert worker.log().count(line) == 1, worker.log()[-3000:]
    assert worker.log().count("offsets are missing") == 1, worker.log()[-3000:]
    assert worker.metric("headwater_missing_offsets_total", topic=suffix, partition=str(partition)) == missing
    assert worker.metric("headwater_missing_offsets_total") == missing


def test_a_source_that_was_cut_while_the_worker_was_away(shop: Shop) -> None:
    """100 learned, then 200 more, of which 100 are cut off: the other 100 are learned on top."""
    worker = shop.worker()
    clicks(shop, range(100))
    shop.wait_records(100)
    shop.wait_lag_zero()
    assert worker.stop() == 0
    clicks(shop, range(100, 300))
    cut(shop, CLICK.suffix, 200)
    worker.start()
    shop.wait_records(200)
    shop.wait_lag_zero()
    assert shop.user_states()["u1"].learned == 200
    worker.wait_ready()
    told(shop, worker, CLICK.suffix, 100, 100)
    assert worker.stop() == 0

    worker.start()
    worker.wait_ready()
    assert "missing" not in worker.log(), "said once"
    assert worker.stop() == 0


def test_a_source_of_which_nothing_is_left(shop: Shop) -> None:
    worker = shop.worker()
    clicks(shop, range(10))
    shop.wait_records(10)
    shop.wait_lag_zero()
    assert worker.stop() == 0
    clicks(shop, range(10, 20))
    cut(shop, CLICK.suffix, 20)
    worker.start()
    worker.wait_ready()
    wait_until(lambda: "offsets are missing" in worker.log(), 20, worker.log)
    told(shop, worker, CLICK.suffix, 10, 10)
    clicks(shop, range(20, 21))
    shop.wait_records(11)
    shop.wait_lag_zero()
    assert shop.user_states()["u1"].learned == 11


def test_a_new_worker_on_an_old_topic_misses_nothing(shop: Shop) -> None:
    clicks(shop, range(8))
    cut(shop, CLICK.suffix, 5)
    worker = shop.worker()
    worker.wait_ready()
    shop.wait_records(3)
    assert "missing" not in worker.log()


def test_a_source_that_is_shorter_than_what_was_committed(shop: Shop) -> None:
    """The log ends before the committed offset: what comes next would be taken for known."""
    clicks(shop, range(5))
    worker = shop.worker(HEADWATER_WORKER_ID="")  # it leaves its groups: the offsets of one with members cannot be set
    shop.wait_records(5)
    shop.wait_lag_zero()
    assert worker.stop() == 0
    group_offsets.commit(Brokers(shop.brokers), f"{shop.namespace}.profiles", shop.topic(CLICK.suffix), {0: 50})
    worker.start()
    assert worker.wait(60) == 1
    last = worker.log().rstrip().splitlines()[-1]
    assert f"{shop.topic(CLICK.suffix)}-0" in last and "cut" in last and "Traceback" not in worker.log()


def test_a_changelog_that_was_emptied(shop: Shop) -> None:
    """With its local state gone, too: the worker is ready, answers, and says what it has lost."""
    worker = shop.worker()
    for n in range(20):
        clicks(shop, range(n, n + 1), f"u{n}")
    shop.wait_records(20)
    shop.wait_lag_zero()
    assert worker.stop() == 0
    end = shop.ends([USER_STATE.suffix])[shop.topic(USER_STATE.suffix), 0]
    shop.admin.incremental_alter_configs(_deletable(shop.topic(USER_STATE.suffix)))
    time.sleep(0.5)
    cut(shop, USER_STATE.suffix, end)
    worker.wipe()
    worker.start()
    assert worker.wait_ready() < 60
    told(shop, worker, USER_STATE.suffix, end, 0)
    clicks(shop, range(20, 21), "u3")
    shop.wait_records(21)
    assert worker.stop() == 0

    worker.start()
    worker.wait_ready()
    assert "missing" not in worker.log(), "the local state has what is in the changelog now"
    assert worker.stop() == 0


def _deletable(topic: str) -> list[object]:
    entry = ConfigEntry("cleanup.policy", "compact,delete", incremental_operation=AlterConfigOpType.SET)
    return [ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])]


@pytest.mark.parametrize("whole", [False, True], ids=["the first half", "all of it"])
def test_a_changelog_that_is_cut_under_a_recovery(shop: Shop, whole: bool) -> None:
    """The recovery goes on behind the cut and ends; every key that is left is restored, and the gap is said."""
    states = 60_000
    worker = shop.worker()
    clicks(shop, range(1))
    shop.wait_records(1)
    shop.wait_lag_zero()
    assert worker.stop() == 0
    (known,) = shop.read(USER_STATE.suffix)[-1:]
    for n in range(states):
        shop.send(USER_STATE.suffix, known.value(), key=f"copy-{n}")
        if n % 2_000 == 0:
            shop.producer.flush(30)
    shop.flush()
    shop.admin.incremental_alter_configs(_deletable(shop.topic(USER_STATE.suffix)))
    end = shop.ends([USER_STATE.suffix])[shop.topic(USER_STATE.suffix), 0]
    worker.wipe()
    worker.env["HEADWATER_FETCH_RECORDS"] = "10"  # a recovery in small steps, and several fetches from the broker
    worker.start()
    wait_until(lambda: _restoring(worker), 60, worker.log)
    worker.signal(signal.SIGSTOP)
    cut(shop, USER_STATE.suffix, end if whole else end - states // 4)
    worker.signal(signal.SIGCONT)
    assert worker.wait_ready() < 60
    wait_until(lambda: "offsets are missing" in worker.log(), 10, worker.log)
    missing = worker.metric("headwater_missing_offsets_total", topic=USER_STATE.suffix)
    assert missing is not None and 0 < missing < end
    if not whole:
        left = {message.key() for message in shop.read(USER_STATE.suffix)}
        assert len(left) == states // 4
        wait_until(lambda: (worker.metric("headwater_table_keys", table="users") or 0) >= len(left), 10, worker.log)
    clicks(shop, range(1, 2), "u9")
    shop.wait_records(2)
    assert worker.stop() == 0


def _restoring(worker: Worker) -> bool:
    """Whether the local store of user states is being filled."""
    assert not worker.exited
    folders = list((worker.folder / "state").rglob("users-0.db"))
    return bool(folders) and sum(file.stat().st_size for file in folders[0].iterdir()) > 200_000


def test_tools_read_what_is_left(shop: Shop) -> None:
    """Not nothing, as from an offset that is gone."""
    clicks(shop, range(10))
    cut(shop, CLICK.suffix, 4)
    assert [message.offset() for message in shop.read(CLICK.suffix)] == list(range(4, 10))


def test_item_rows_that_were_cut_are_said_once(shop: Shop) -> None:
    """The index and the items stage read the same topic."""
    worker = shop.worker()
    clicks(shop, range(30))
    shop.wait_records(30)
    shop.wait_lag_zero()
    assert worker.stop() == 0
    partition = max(range(2), key=lambda p: shop.ends([ITEM_STATE.suffix])[shop.topic(ITEM_STATE.suffix), p])
    end = shop.ends([ITEM_STATE.suffix])[shop.topic(ITEM_STATE.suffix), partition]
    shop.admin.incremental_alter_configs(_deletable(shop.topic(ITEM_STATE.suffix)))
    time.sleep(0.5)
    cut(shop, ITEM_STATE.suffix, end, partition)
    worker.wipe()
    worker.start()
    worker.wait_ready()
    told(shop, worker, ITEM_STATE.suffix, end, 0, partition)
    assert worker.stop() == 0
