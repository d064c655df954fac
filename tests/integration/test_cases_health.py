"""What /healthz and /readyz say, in words, of a worker in each kind of trouble."""

from __future__ import annotations

import json
import time
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headwater.local_kafka.broker import LocalKafka
from streams.worker.health import HEARTBEAT_TIMEOUT
from tests.integration.faulty_worker import PAUSED
from tests.integration.load import Load
from tests.integration.reference import assert_exact
from tests.integration.shop import Shop
from tests.integration.waiting import wait_until
from tests.integration.worker import Worker

pytestmark = pytest.mark.integration
STALL = 4.0
OUTAGE = 45.0  # longer than the session, and than the producers' 30 s


def clicks(count: int, users: int = 40) -> list[dict[str, Any]]:
    """Clicks of users in turn, in all partitions."""
    now = int(time.time() * 1000)
    return [
        {
            "topic": "events.click.v1",
            "value": {"event_id": f"e{n}", "user_id": f"u{n % users}", "item_id": f"i{n % 30}", "occurred_at": now + n},
        }
        for n in range(count)
    ]


def failing(worker: Worker, page: str) -> dict[str, str]:
    """Failing checks of a page with their words; the status has to agree with them."""
    status, body = worker.page(page)
    report = json.loads(body)
    found = {name: report["checks"][name]["message"] for name in report["failing"]}
    assert status == (503 if found else 200), body
    assert all(len(message.split()) >= 3 for message in found.values()), f"a check fails without a word why: {found}"
    return found


def hold(worker: Worker, seconds: float, condition: Callable[[], bool]) -> None:
    """That ``condition`` is true at every look for ``seconds``."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert condition(), f"{failing(worker, '/readyz')}\n{worker.log()[-3000:]}"
        time.sleep(0.2)


def healthy(worker: Worker) -> bool:
    return not failing(worker, "/healthz") and not failing(worker, "/readyz")


@pytest.mark.parametrize("fault", ["agent", "compute"])
def test_a_crashed_agent_ends_the_process(shop: Shop, tmp_path: Path, fault: str) -> None:
    """The agent's task, or its work on a batch, ends with an exception: exit code 1, and nothing is lost."""
    mark = tmp_path / "mark"
    worker = shop.faulty_worker(fault, mark)
    shop.send_lines(clicks(100))
    shop.wait_lag_zero()
    mark.touch()
    shop.send_lines(clicks(200)[100:])
    assert worker.wait(30) == 1
    assert "ends here" in worker.log()
    mark.unlink()
    worker.start()
    shop.wait_lag_zero()
    assert_exact(shop)


@pytest.mark.faults
def test_a_blocked_event_loop_fails_liveness(shop: Shop, tmp_path: Path) -> None:
    """The pages still answer, and name what stands still."""
    worker = shop.faulty_worker("block", tmp_path / "mark")
    assert healthy(worker)
    (tmp_path / "mark").touch()
    started = time.monotonic()
    wait_until(lambda: "event loop" in failing(worker, "/healthz"), HEARTBEAT_TIMEOUT + 5, worker.log)
    assert time.monotonic() - started > HEARTBEAT_TIMEOUT / 2
    assert "blocks it" in failing(worker, "/healthz")["event loop"]
    assert "event loop" in failing(worker, "/readyz")
    assert worker.page("/metrics")[0] == 200


@pytest.mark.faults
def test_a_broker_that_is_away_and_comes_back(fragile_kafka: LocalKafka, namespace: str, tmp_path: Path) -> None:
    """The broker ends under load; not ready, alive, and all goes on by itself when it is back."""
    shop = Shop(fragile_kafka.bootstrap, namespace, tmp_path)
    try:
        worker = shop.worker()
        worker.wait_ready()
        load = Load(shop, clicks(2_000), rate=100)
        load.wait_sent(300)
        fragile_kafka.stop()
        away = time.monotonic()
        wait_until(lambda: "broker" in failing(worker, "/readyz"), 30, worker.log)
        assert shop.brokers in failing(worker, "/readyz")["broker"]
        hold(
            worker, OUTAGE - (time.monotonic() - away), lambda: not failing(worker, "/healthz") and not healthy(worker)
        )
        fragile_kafka.start()
        worker.wait_ready()
        load.join()
        shop.wait_lag_zero()
        assert_exact(shop)
        assert not worker.exited
    finally:
        fragile_kafka.start()
        shop.close()


def test_an_open_transaction_is_named(shop: Shop) -> None:
    """A producer's open transaction holds one of four partitions for ever; its end frees it."""
    worker = shop.worker(HEADWATER_PARTITION_STALL_TIMEOUT=str(STALL))
    worker.wait_ready()
    load = Load(shop, clicks(3_000), rate=100)
    producer = shop.new_producer(**{"transactional.id": shop.namespace})
    producer.init_transactions(30)
    producer.begin_transaction()
    shop.send("events.click.v1", clicks(1)[0]["value"] | {"event_id": "held"}, producer=producer, partition=PAUSED)
    producer.flush(30)
    named = f"{shop.topic('events.click.v1')}-{PAUSED}"
    wait_until(lambda: named in failing(worker, "/readyz").get("partitions", ""), STALL + 10, worker.log)
    assert not failing(worker, "/healthz") and list(failing(worker, "/readyz")) == ["partitions"]
    producer.abort_transaction(30)
    wait_until(lambda: healthy(worker), 20, worker.log)
    load.halt()
    shop.wait_lag_zero()


def test_a_partition_that_is_not_fetched_is_named(shop: Shop, tmp_path: Path) -> None:
    """One of four partitions is paused for ever with traffic on it."""
    worker = shop.faulty_worker("pause", tmp_path / "mark", HEADWATER_PARTITION_STALL_TIMEOUT=str(STALL))
    load = Load(shop, clicks(3_000), rate=100)
    load.wait_sent(100)
    assert healthy(worker)
    (tmp_path / "mark").touch()
    named = f"{shop.topic('events.click.v1')}-{PAUSED}"
    wait_until(lambda: named in failing(worker, "/readyz").get("partitions", ""), STALL + 10, worker.log)
    assert not failing(worker, "/healthz") and list(failing(worker, "/readyz")) == ["partitions"]
    lag = worker.metric("headwater_consumer_lag_records", topic="events.click.v1", partition=str(PAUSED))
    assert lag is not None and lag > 10
    load.halt()


@pytest.mark.faults
def test_neither_silence_nor_a_dead_model_matters(shop: Shop) -> None:
    """Ready and alive while nothing comes, for longer than any stall; texts come from frame or template."""
    worker = shop.worker(
        HEADWATER_MODEL_BACKEND="tests.backends:Dying",
        HEADWATER_LIVE_SHARE="1",
        HEADWATER_DRAFT_DEADLINE="1",
        HEADWATER_DOMAIN="film",
        HEADWATER_PARTITION_STALL_TIMEOUT="2",
        HEADWATER_COMMIT_STALL_TIMEOUT="2",
    )
    worker.wait_ready()
    for n in range(30):
        shop.send(
            "catalog.items.v1", {"item_id": f"i{n}", "title": f"Silver Harbor {'abc'[n % 3]}", "categories": ["Drama"]}
        )
    shop.flush()
    wait_until(lambda: worker.metric("headwater_index_items") == 30, 20, worker.log)
    load = Load(shop, clicks(150), rate=50)
    hold(worker, 3, lambda: healthy(worker))
    load.join()
    shop.wait_lag_zero()
    hold(worker, 6, lambda: healthy(worker))
    records = shop.wait_records(150)
    assert {record["text_source"] for record in records} <= {"frame", "template"}
    assert any(record["text_source"] == "frame" for record in records)
    assert worker.metric("headwater_model_state", state="ready") in (0, 1)
    assert worker.metric("headwater_model_failures_total", kind="crash")


def test_recovery_is_alive_and_not_ready(shop: Shop, tmp_path: Path) -> None:
    """A long changelog: alive all the time, not ready until the last state is back; it says what it waits for."""
    mark = tmp_path / "mark"
    worker = shop.faulty_worker("slow", mark)
    shop.send_lines(clicks(8_000, users=8_000))
    shop.wait_lag_zero()
    assert worker.stop() == 0
    worker.wipe()
    mark.touch()
    worker.start()
    said: set[str] = set()
    restoring = 0

    def ready() -> bool:
        nonlocal restoring
        try:
            assert not failing(worker, "/healthz")
            found = failing(worker, "/readyz")
        except urllib.error.URLError:
            return False  # not listening yet
        said.update(found)
        restoring += "recovery" in found
        if restoring == 4:
            mark.unlink(missing_ok=True)
        return not found

    wait_until(ready, 90, worker.log)
    assert restoring >= 4, f"{restoring} looks during the recovery: too quick to see anything"
    wait_until(lambda: worker.metric("headwater_table_keys", table="users") is not None, 10)
    assert {"start", "recovery"} <= said
    seconds = worker.metric("headwater_recovery_seconds", stage="profiles")
    assert seconds is not None and seconds > 0
    shop.send_lines(clicks(8_100, users=8_000)[8_000:])
    shop.wait_lag_zero()
    assert_exact(shop)
