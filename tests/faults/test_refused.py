"""The broker refuses what a worker writes: it stops and says what to do; nothing behind it is acknowledged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from streams.engine.stage_engine import PATIENCE
from streams.topology import CLICK, ITEM_STATE, ITEM_UPDATES, RECOMMENDATIONS, USER_STATE, Topic
from tests.faults.events import Mixed
from tests.integration.load import Load
from tests.integration.reference import assert_exact, describe
from tests.integration.shop import Shop
from tests.integration.test_cases_topics import accept
from tests.integration.waiting import wait_until
from tests.integration.worker import Worker

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]
TINY = 80  # bytes: less than any record batch
FIRST, MORE = 200, 300
RATE = 100.0
WRITERS = [
    (RECOMMENDATIONS, "profiles", CLICK),
    (ITEM_UPDATES, "profiles", CLICK),
    (USER_STATE, "profiles", CLICK),
    (ITEM_STATE, "items", ITEM_UPDATES),
]
"""A topic, the stage that writes to it, and what that reads."""


def set_limit(shop: Shop, topic: Topic, size: int | None) -> None:
    """``max.message.bytes`` of a topic; None: as it was created."""
    size = int(topic.topic_config()["max.message.bytes"]) if size is None else size
    entry = ConfigEntry("max.message.bytes", str(size), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, shop.topic(topic.suffix), incremental_configs=[entry])
    shop.admin.incremental_alter_configs([resource])[resource].result(30)


def assert_stopped(worker: Worker, shop: Shop, topic: Topic) -> None:
    """By itself; its last line names the topic and says what to do."""
    assert worker.wait(60) in (1, 2), worker.log()[-3000:]
    last = worker.log().rstrip().splitlines()[-1]
    assert shop.topic(topic.suffix) in last and "Traceback" not in worker.log(), worker.log()[-3000:]
    assert "max.message.bytes" in last and "Nothing behind them was acknowledged" in last


def test_a_topic_that_refuses_the_size_of_records_stops_the_worker(shop: Shop, real_lines: Mixed) -> None:
    """One topic after the other. Started again the worker stops again, without acknowledging more; with the setting put
    right it goes on, exactly."""
    worker = shop.worker()
    shop.send_lines(real_lines.catalog[:300])
    sent = shop.send_lines(real_lines.events[:FIRST])
    for topic, stage, source in WRITERS:
        shop.wait_lag_zero()
        before = shop.committed(stage, source.suffix)
        set_limit(shop, topic, TINY)
        sent += shop.send_lines(real_lines.events[sent : sent + MORE])
        for again in (True, False):
            assert_stopped(worker, shop, topic)
            assert shop.committed(stage, source.suffix) == before
            if not again:
                set_limit(shop, topic, None)
            worker.start()
    shop.wait_lag_zero()
    assert_exact(shop)
    assert worker.stop() == 0


def test_an_output_topic_deleted_under_a_running_worker(shop: Shop, real_lines: Mixed) -> None:
    """It stops and says what to do; afterwards every event behind the deletion is answered, nothing learned twice."""
    worker = shop.worker()
    worker.wait_ready()
    shop.send_lines(real_lines.events[:FIRST])
    shop.wait_lag_zero()
    gone = shop.records()
    shop.delete_topic(RECOMMENDATIONS.suffix)
    shop.send_lines(real_lines.events[FIRST : FIRST + MORE])
    assert worker.wait(60) == 1, worker.log()[-3000:]
    last = worker.log().rstrip().splitlines()[-1]
    for word in (shop.topic(RECOMMENDATIONS.suffix), "headwater topics create", "headwater topics accept"):
        assert word in last and "Traceback" not in worker.log(), worker.log()[-3000:]
    worker.start()
    assert worker.wait(60) == 2 and "headwater topics create" in worker.log()

    shop.create_topic(RECOMMENDATIONS.suffix)
    assert accept(shop, worker, RECOMMENDATIONS.suffix).returncode == 0
    worker.start()
    shop.wait_lag_zero()
    with_those_of_the_old_topic(shop, gone)
    assert_exact(shop)
    assert worker.stop() == 0


def with_those_of_the_old_topic(shop: Shop, gone: list[dict[str, Any]]) -> None:
    """The exact comparison sees them, too."""
    there = shop.records
    shop.records = lambda: gone + there()  # type: ignore[method-assign]


@pytest.mark.parametrize("killed", [False, True])
def test_work_stops_while_a_checkpoint_cannot_be_written(
    shop: Shop, real_lines: Mixed, tmp_path: Path, killed: bool
) -> None:
    """What a crash then repeats has a bound; readiness says why nothing is answered, and all goes on by itself."""
    mark = tmp_path / "mark"
    worker = shop.faulty_worker("unsent", mark, HEADWATER_COMMIT_STALL_TIMEOUT="4")
    load = Load(shop, real_lines.events, RATE)
    load.wait_sent(FIRST)
    mark.touch()
    marked_at = load.sent
    wait_until(lambda: "commits" in json.loads(worker.page("/readyz")[1])["failing"], 30, worker.log)
    load.wait_sent(marked_at + int(RATE * (PATIENCE + 3)))
    answered = len(shop.records())
    load.wait_sent(load.sent + int(RATE * 2))
    assert len(shop.records()) == answered, "nothing more is answered"
    if killed:
        worker.kill()
    mark.unlink()
    if killed:
        worker.start()
    load.wait_sent(load.sent + 100)
    _, found = load.finish(60)
    assert found.repeated <= (RATE * (PATIENCE + 3) if killed else 0), describe(found)
    assert worker.stop() == 0
