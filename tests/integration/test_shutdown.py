"""SIGTERM at any moment: exit code 0 in under 10 s, nothing lost, and nothing repeated after a last checkpoint."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from headwater.local_kafka.broker import LocalKafka
from tests.integration.load import Load
from tests.integration.reference import assert_exact
from tests.integration.shop import Shop
from tests.integration.waiting import wait_until
from tests.integration.worker import Worker

pytestmark = [pytest.mark.integration, pytest.mark.faults]
PROMISED = 10.0


def clicks(count: int, users: int = 40, items: int = 60) -> list[dict[str, Any]]:
    """Clicks and purchases of users in turn."""
    now = int(time.time() * 1000)
    return [
        {
            "topic": "events.purchase.v1" if n % 5 == 0 else "events.click.v1",
            "value": {
                "event_id": f"e{n}",
                "user_id": f"u{n % users}",
                "item_id": f"i{n * 7 % items}",
                "occurred_at": now + n,
            },
        }
        for n in range(count)
    ]  # fmt: skip


@contextmanager
def stopping(worker: Worker) -> Iterator[None]:
    """Holds that the worker ends within the promise, with exit code 0; the body sends the signals."""
    started = time.monotonic()
    yield
    assert worker.wait(PROMISED) == 0, worker.log()[-3000:]
    seconds = time.monotonic() - started
    assert seconds < PROMISED, worker.log()[-3000:]
    print(f"SIGTERM to exit: {seconds:.2f} s")


def test_in_mid_stream_nothing_is_repeated(kafka: LocalKafka, namespace: str, tmp_path: Path) -> None:
    """Once with one signal, once with a second one meanwhile."""
    shop = Shop(kafka.bootstrap, namespace, tmp_path)
    worker = shop.worker()
    try:
        load = Load(shop, clicks(3_000), rate=200.0)
        for signals in (1, 2):
            answered = sum(shop.ends(["recommendations.v1"]).values())
            wait_until(lambda n=answered: sum(shop.ends(["recommendations.v1"]).values()) > n + 300, 60, worker.log)
            with stopping(worker):
                for _ in range(signals):
                    worker.signal(signal.SIGTERM)
                    time.sleep(0.05)
            worker.start()
        load.join()
        shop.wait_lag_zero()
        assert assert_exact(shop).repeated == 0
        with stopping(worker):
            worker.signal(signal.SIGINT)
    finally:
        shop.close()


def test_while_starting_and_recovering(kafka: LocalKafka, namespace: str, tmp_path: Path) -> None:
    """Wherever between its first line and its readiness it is told to stop, without local state."""
    shop = Shop(kafka.bootstrap, namespace, tmp_path)
    worker = shop.worker()
    try:
        shop.send_lines(clicks(1_000, users=500))
        shop.wait_lag_zero()
        assert worker.stop() == 0
        for delay in (0.0, 0.4, 0.9):
            worker.wipe()
            worker.start()
            if delay:
                wait_until(lambda: "item index loaded" in worker.log(), 60, worker.log)
                time.sleep(delay)
            else:
                assert worker.url
            with stopping(worker):
                worker.signal(signal.SIGTERM)
        worker.start()
        shop.send_lines(
            [line | {"value": line["value"] | {"event_id": f"later{n}"}} for n, line in enumerate(clicks(100))]
        )
        shop.wait_lag_zero()
        assert assert_exact(shop).repeated == 0
    finally:
        shop.close()


def test_while_the_broker_hangs(fragile_kafka: LocalKafka, namespace: str, tmp_path: Path) -> None:
    """In mid-stream, in recovery and before anything was read: without the broker there is no last checkpoint, and the
    next
    start repeats a little, under the same ids."""
    shop = Shop(fragile_kafka.bootstrap, namespace, tmp_path)
    worker = shop.worker()
    try:
        load = Load(shop, clicks(20_000), rate=200.0)
        shop.wait_records(300, 60)
        fragile_kafka.pause()
        with stopping(worker):
            worker.signal(signal.SIGTERM)
        worker.start()
        assert worker.url
        with stopping(worker):
            time.sleep(1.0)
            worker.signal(signal.SIGTERM)
        fragile_kafka.resume()
        load.halt()

        worker.wipe()
        worker.start()
        wait_until(lambda: "item index loaded" in worker.log(), 60, worker.log)
        time.sleep(1.0)  # the groups are joined, or about to be
        fragile_kafka.pause()
        with stopping(worker):
            worker.signal(signal.SIGTERM)
        fragile_kafka.resume()

        worker.start()
        shop.wait_lag_zero()
        assert_exact(shop)
    finally:
        fragile_kafka.resume()
        shop.close()


def test_partitions_pass_on_at_once(kafka: LocalKafka, namespace: str, tmp_path: Path) -> None:
    """A worker without an id of its own leaves its groups: the next one does not wait for the session to end."""
    shop = Shop(kafka.bootstrap, namespace, tmp_path)
    sessions = {"HEADWATER_SESSION_TIMEOUT": "30", "HEADWATER_WORKER_ID": ""}
    first = shop.worker("w0", HEADWATER_STATE_DIR=str(tmp_path / "s0"), **sessions)
    second = shop.worker("w1", HEADWATER_STATE_DIR=str(tmp_path / "s1"), **sessions)
    try:
        load = Load(shop, clicks(20_000), rate=100.0)
        wait_until(lambda: all(w.metric("headwater_recommendations_total") for w in shop.workers), 60, shop.logs)
        assert first.stop() == 0
        stopped = time.time()
        sent = load.sent
        wait_until(lambda: load.sent > sent + 300, 30)
        load.halt()
        shop.wait_lag_zero()
        assert assert_exact(shop).repeated == 0
        first_record: dict[int, float] = {}
        for message in shop.read("recommendations.v1"):
            waited = message.timestamp()[1] / 1000 - stopped
            if waited > 0:
                first_record.setdefault(message.partition(), waited)
        assert len(first_record) == 4 and max(first_record.values()) < 5.0, first_record
        assert second.stop() == 0
    finally:
        shop.close()
