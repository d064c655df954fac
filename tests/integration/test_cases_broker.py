"""A broker that hangs while batches are in flight: what was worked on is committed when it is back."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headwater.local_kafka.broker import LocalKafka
from streams.worker.progress import ASK_TIMEOUT
from streams.worker.worker import BROKER_RECHECK
from tests.integration.load import Load
from tests.integration.reference import assert_exact
from tests.integration.shop import Shop
from tests.integration.waiting import wait_until
from tests.integration.worker import SPEEDY, Worker

pytestmark = [pytest.mark.integration, pytest.mark.faults, pytest.mark.timeout(300)]
CLICKS = "events.click.v1"
EVENTS, RATE = 20_000, 2_000.0
AWAY, BACK = 5.0, 30.0  # seconds (the case allows 60)
INTERVAL = float(SPEEDY["HEADWATER_CHECKPOINT_INTERVAL"])
STALL = 2.0
LATER, LATER_RATE = 1_500, 500.0


@pytest.fixture
def shop(fragile_kafka: LocalKafka, namespace: str, tmp_path: Path) -> Iterator[Shop]:
    """One user partition."""
    made = Shop(fragile_kafka.bootstrap, namespace, tmp_path, partitions=1)
    yield made
    fragile_kafka.resume()
    made.close()


def clicks(count: int, seed: int) -> list[dict[str, Any]]:
    rng, now = random.Random(seed), int(time.time() * 1000)
    return [
        {
            "topic": CLICKS,
            "value": {
                "event_id": f"{seed}-{number}",
                "user_id": f"user-{rng.randrange(400)}",
                "item_id": f"item-{int(rng.paretovariate(1.2)) % 500}",
                "occurred_at": now + number,
            },
        }
        for number in range(count)
    ]


def lag(worker: Worker) -> float | None:
    return worker.metric("headwater_consumer_lag_records")


def commit_age(worker: Worker) -> float:
    return worker.metric("headwater_commit_age_seconds", topic=CLICKS, partition="0") or 0.0


def hang(kafka: LocalKafka, worker: Worker) -> None:
    """The broker stands still for five seconds, in which the worker says that nothing gets committed."""
    until = time.monotonic() + AWAY
    kafka.pause()
    try:
        wait_until(
            lambda: "commits" in json.loads(worker.page("/readyz")[1])["failing"],
            AWAY,
            lambda: worker.page("/readyz")[1],
        )
        assert worker.page("/healthz")[0] == 200 and commit_age(worker) > STALL
        wait_until(lambda: time.monotonic() >= until, AWAY + 1)
    finally:
        kafka.resume()


def answered(worker: Worker) -> float:
    return worker.metric("headwater_recommendations_total") or 0.0


def test_everything_is_committed_after_the_broker_hung_twice(
    shop: Shop, fragile_kafka: LocalKafka, capsys: pytest.CaptureFixture[str]
) -> None:
    """Offsets reach the end and the lag 0 by themselves; a restart repeats at most one checkpoint interval."""
    worker = shop.worker(HEADWATER_COMMIT_STALL_TIMEOUT=str(STALL))
    worker.wait_ready()
    load = Load(shop, clicks(EVENTS, 9), RATE)
    for moment in (EVENTS // 4, EVENTS // 2):
        load.wait_sent(moment)
        before = answered(worker)
        wait_until(lambda before=before: answered(worker) > before, 30, worker.log)
        hang(fragile_kafka, worker)
    resumed = time.monotonic()
    assert load.join() == EVENTS

    def settled() -> bool:
        assert not worker.exited, worker.log()[-3000:]
        return shop.committed("profiles", CLICKS) == {0: EVENTS} and lag(worker) == 0

    wait_until(
        settled, resumed + BACK - time.monotonic(), lambda: f"{lag(worker)} {shop.committed('profiles', CLICKS)}"
    )
    back = time.monotonic() - resumed
    wait_until(
        lambda: worker.page("/readyz")[0] == 200, 2 * (ASK_TIMEOUT + BROKER_RECHECK), lambda: worker.page("/readyz")[1]
    )
    assert commit_age(worker) < STALL, "small without traffic"
    once = assert_exact(shop)

    later = Load(shop, clicks(LATER, 10), LATER_RATE)
    later.wait_sent(LATER // 2)
    worker.kill()
    worker.start()
    assert later.join() == LATER
    worker.wait_ready()
    shop.wait_lag_zero()
    again = assert_exact(shop).repeated - once.repeated
    replayed = worker.metric("headwater_events_total", outcome="replayed") or 0.0
    with capsys.disabled():
        print(
            f"\nlag 0 after {back:.1f} s, {once.repeated} records repeated by the hangs; "
            f"after the kill {again} records "
            f"repeated, {replayed:.0f} events known already"
        )
    most = LATER_RATE * (2 * INTERVAL + 1)  # the interval, and the checkpoint that the kill cut off
    assert again <= most and replayed <= most
    assert worker.stop() == 0
