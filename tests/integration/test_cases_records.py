"""Records that are well-formed and still wrong: timestamps, partitions, sizes."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka import Producer

from headwater.local_kafka.broker import LocalKafka
from operators.state.parameters import Parameters
from streams.broker.partitioning import PRODUCER_SETTING, partition_of
from streams.settings import Settings
from streams.stages.dead_letters import KEPT_BYTES
from streams.topology import MAX_MESSAGE_BYTES
from tests.integration.load import Load
from tests.integration.reference import assert_exact
from tests.integration.shop import Shop
from tests.integration.waiting import wait_until
from tests.integration.worker import Worker

pytestmark = pytest.mark.integration
CLICKS, SEARCHES, PURCHASES, CATALOG = "events.click.v1", "events.search.v1", "events.purchase.v1", "catalog.items.v1"
HOUR_MS = 3_600_000
MIB = 1 << 20


@pytest.fixture
def shop(kafka: LocalKafka, namespace: str, tmp_path: Path) -> Iterator[Shop]:
    """Eight user partitions; its click topic takes any timestamp."""
    anything = {"message.timestamp.after.max.ms": str((1 << 63) - 1)}
    made = Shop(kafka.bootstrap, namespace, tmp_path, partitions=8, topic_config={CLICKS: anything})
    yield made
    made.close()


def event(user: str, item: str, event_id: str, at: Any, **fields: Any) -> dict[str, Any]:
    return {"event_id": event_id, "user_id": user, "item_id": item, "occurred_at": at} | fields


def now_ms() -> int:
    return int(time.time() * 1000)


# ---- timestamps
def send_with_timestamps(shop: Shop, clicks: list[tuple[dict[str, Any], int]]) -> None:
    """Clicks with exactly these Kafka timestamps, which librdkafka and a plain ``send`` refuse in part."""

    async def run() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=shop.brokers)
        await producer.start()
        try:
            for click, timestamp in clicks:
                key, builder = click["user_id"].encode(), producer.create_batch()
                assert builder.append(timestamp=timestamp, key=key, value=json.dumps(click).encode()) is not None
                builder.close()
                place = partition_of(key, shop.settings.user_partitions)
                await (await producer.send_batch(builder, shop.topic(CLICKS), partition=place))
        finally:
            await producer.stop()

    asyncio.run(run())


def test_implausible_timestamps_do_not_swallow_answers(shop: Shop) -> None:
    """The age comes from ``occurred_at``, else from the arrival; counted, and no latency is absurd."""
    now = now_ms()
    rfc = datetime.now(UTC).isoformat()
    answered = [  # as in the case, then one whose two times are both before 2000
        (event("u1", "i1", "e1", rfc), -1),
        (event("u2", "i1", "e2", now), 0),
        (event("u3", "i1", "e3", str(now)), 1_772_359_200),
        (event("u4", "i1", "e4", now), 4_102_444_800_000),
        (event("u5", "i1", "e5", 880_000_000_000), 0),
    ]
    learned_only = [  # old by the one plausible time that each has
        (event("u6", "i1", "e6", now - HOUR_MS), 0),
        (event("u7", "i1", "e7", now), now - HOUR_MS),
    ]
    send_with_timestamps(shop, answered + learned_only)
    assert sorted(message.timestamp()[1] for message in shop.read(CLICKS))[:2] == [-1, 0], "they are in the log as sent"
    worker = shop.worker()
    worker.wait_ready()
    shop.wait_lag_zero()

    records = shop.records()
    assert sorted(record["trigger"]["event_id"] for record in records) == ["e1", "e2", "e3", "e4", "e5"]
    assert all(0 <= record["latency_ms"]["total"] < 86_400_000 for record in records)
    for record in records:
        assert abs(datetime.fromisoformat(record["created_at"]).timestamp() * 1000 - now) < 120_000
    assert worker.metric("headwater_implausible_timestamps_total") == 6
    assert worker.metric("headwater_implausible_timestamps_total", topic=CLICKS) == 6
    assert worker.metric("headwater_events_total", outcome="learned", topic=CLICKS) == 7
    name = "headwater_event_to_record_seconds"
    assert worker.metric(f"{name}_count") == 5
    assert worker.metric(f"{name}_bucket", le="300.0") == 5, "none above five minutes"
    total = worker.metric(f"{name}_sum")
    assert total is not None and 0 <= total < 5 * 300
    states = shop.user_states()
    assert states.keys() == {f"u{n}" for n in range(1, 8)}
    for state in states.values():
        assert all(time_ms <= now_ms() + 300_000 for time_ms in state.recent_times), "no time from the future is kept"
    assert worker.stop() == 0


# ---- partitions
MURMUR2 = {"user-1": 4, "user-2": 0, "user-3": 3, "user-4": 7}
CRC32 = {"user-1": 4, "user-2": 6, "user-3": 0, "user-4": 3}


def places(shop: Shop, suffix: str) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for message in shop.read(suffix):
        found.setdefault(message.key().decode(), set()).add(message.partition())
    return found


def send_clicks_as_java_does(shop: Shop) -> None:
    async def run() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=shop.brokers)
        await producer.start()
        try:
            for user in MURMUR2:
                click = event(user, "i1", f"c-{user}", now_ms())
                await producer.send_and_wait(shop.topic(CLICKS), json.dumps(click).encode(), key=user.encode())
        finally:
            await producer.stop()

    asyncio.run(run())


def send_purchases_by_default(shop: Shop, number: int) -> None:
    producer = Producer({"bootstrap.servers": shop.brokers})
    for user in CRC32:
        shop.send(PURCHASES, event(user, "i2", f"p{number}-{user}", now_ms(), quantity=1), producer=producer)
    assert producer.flush(30) == 0


def misplaced_lines(worker: Worker) -> list[str]:
    return [line for line in worker.log().splitlines() if PRODUCER_SETTING in line]


def test_two_partitioners_never_make_silent_half_profiles(shop: Shop) -> None:
    """The topic whose producer places keys by crc32 is named by metric and log, with the setting that helps."""
    worker = shop.worker()
    worker.wait_ready()
    send_clicks_as_java_does(shop)
    assert places(shop, CLICKS) == {user: {place} for user, place in MURMUR2.items()}
    shop.wait_lag_zero()
    assert worker.metric("headwater_misplaced_users_total") == 0 and not misplaced_lines(worker)

    send_purchases_by_default(shop, 1)
    assert places(shop, PURCHASES) == {user: {place} for user, place in CRC32.items()}
    shop.wait_lag_zero()
    assert places(shop, "user-state.v1")["user-1"] == {4}, "both agree about this one: one profile"
    halves = {user for user, found in places(shop, "user-state.v1").items() if len(found) > 1}
    assert worker.metric("headwater_misplaced_users_total", topic=PURCHASES) == len(halves) == 3
    assert worker.metric("headwater_misplaced_users_total", topic=CLICKS) == 0
    lines = misplaced_lines(worker)
    assert lines and all(PURCHASES in line and CLICKS not in line for line in lines)
    assert len(lines) == 1, "a shop full of misplaced users does not flood the log"
    assert worker.stop() == 0

    worker.start()
    worker.wait_ready()
    send_purchases_by_default(shop, 2)
    shop.wait_lag_zero()
    assert worker.metric("headwater_misplaced_users_total", topic=PURCHASES) == 3, "a restart does not make it silent"
    assert misplaced_lines(worker)
    assert worker.stop() == 0


# ---- sizes
HEAVY = 50_000
OTHERS_EVERY = 250
EVENTS_A_SECOND = 5_000.0
DEFAULT_LIMIT = Settings.model_fields["user_events_per_minute"].default
P99_SHARE = 0.25
"""Of the seconds that the rush lasted: slow machines have longer ones; a queue that grows is as long as all of it."""


def test_huge_records_become_dead_letters_that_fit(shop: Shop) -> None:
    """Cut to what a dead letter may hold, with the original length; the worker goes on."""
    search = {"event_id": "e1", "user_id": "u1", "query": "x" * 1_000_000, "occurred_at": "2026-03-01T10:00:00Z"}
    row = {"item_id": "i1", "title": "T", "description": "y" * 1_040_000}
    producer = shop.new_producer(**{"message.max.bytes": MAX_MESSAGE_BYTES})
    worker = shop.worker()
    for suffix, value, key in ((SEARCHES, search, "u1"), (CATALOG, row, "i1")):
        shop.send(suffix, value, key=key, producer=producer)
    shop.send(CLICKS, event("u1", "i2", "after", now_ms()), producer=producer)
    assert producer.flush(30) == 0
    worker.wait_ready()
    shop.wait_lag_zero()

    letters = shop.dead_letters()
    sizes = {shop.topic(SEARCHES): len(json.dumps(search)), shop.topic(CATALOG): len(json.dumps(row))}
    assert {headers["source-topic"]: int(headers["original-length"]) for headers, _ in letters} == sizes
    for headers, value in letters:
        assert headers["reason"] == "too_large" and headers["truncated"] == "true" and headers["message"]
        assert value is not None and len(value) == KEPT_BYTES
        assert value.startswith(b'{"event_id": "e1"' if headers["stage"] == "profiles" else b'{"item_id": "i1"')
    assert worker.metric("headwater_dead_letters_total", reason="too_large") == 2
    assert [record["trigger"]["event_id"] for record in shop.records()] == ["after"]
    assert assert_exact(shop).users == 1
    assert worker.stop() == 0


def rush(shop: Shop) -> list[dict[str, Any]]:
    """One user clicks on 50,000 items; between them other people click."""
    lines = []
    for number in range(HEAVY):
        lines.append({"topic": CLICKS, "value": event("heavy", f"item-{number}", f"h{number}", now_ms())})
        if number % OTHERS_EVERY == 0:
            other = number // OTHERS_EVERY
            lines.append(
                {"topic": CLICKS, "value": event(f"other-{other % 40}", f"item-{other}", f"o{other}", now_ms())}
            )
    return lines


@pytest.mark.faults
@pytest.mark.parametrize("limit", [DEFAULT_LIMIT, 20_000])
def test_a_user_in_a_rush_stays_small_and_delays_nobody(
    shop: Shop, limit: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """50,000 clicks on 50,000 items in a minute; the rate is bounded, the state, too, others are answered.

    With the limit that is the default they are not delayed; 20,000 a minute are at first as many as are sent, each
    with a
    ranking, and more than a core can do.
    """
    worker = shop.worker(HEADWATER_USER_EVENTS_PER_MINUTE=str(limit))
    worker.wait_ready()
    began = time.monotonic()
    load = Load(shop, rush(shop), EVENTS_A_SECOND)
    sent = load.join()
    lasted = time.monotonic() - began
    shop.wait_lag_zero()

    minutes = Counter(m.timestamp()[1] // 60_000 for m in shop.read(CLICKS) if m.key() == b"heavy")
    learned = sum(min(count, limit) for count in minutes.values())
    assert worker.metric("headwater_events_total", outcome="rate_limited", topic=CLICKS) == HEAVY - learned > 0
    assert worker.metric("headwater_events_total", outcome="learned", topic=CLICKS) == sent - (HEAVY - learned)

    states = shop.read("user-state.v1")
    largest = max(len(message.value()) for message in states)
    assert b"heavy" in {message.key() for message in states} and largest <= Parameters().max_state_bytes
    for suffix in ("user-state.v1", "item-state.v1", "item-updates.v1", "recommendations.v1"):
        assert max(len(m.key() or b"") + len(m.value() or b"") for m in shop.read(suffix)) < MIB, suffix
    others = [r["latency_ms"]["total"] / 1000 for r in shop.records() if r["user_id"].startswith("other-")]
    assert len(others) == HEAVY // OTHERS_EVERY
    p99 = float(np.percentile(others, 99))
    with capsys.disabled():
        print(
            f"\nlimit {limit}: largest state {largest} bytes, others' p99 {p99:.3f} s, "
            f"median {np.median(others):.3f} s, "
            f"in a rush of {lasted:.1f} s"
        )
    if limit == DEFAULT_LIMIT:
        assert p99 < P99_SHARE * lasted
    wait_until(lambda: worker.page("/readyz")[0] == 200, 5, lambda: worker.page("/readyz")[1])
    assert worker.stop() == 0
