"""Offset holes where transaction markers sit, and transactions that were aborted."""

from __future__ import annotations

import pytest
from confluent_kafka import Producer, TopicPartition

from streams.topology import CLICK
from tests.integration.shop import Shop, by_id
from tests.integration.waiting import wait_until
from tests.integration.worker import Worker

# One user partition: offsets of a topic are one row of numbers.
pytestmark = [pytest.mark.integration, pytest.mark.user_partitions(1)]


def click(shop: Shop, event_id: str, user: str, item: str, producer: Producer | None = None) -> None:
    """In the log when this returns, committed or not."""
    value = {"event_id": event_id, "user_id": user, "item_id": item, "occurred_at": "2026-03-01T10:00:00Z"}
    shop.send(CLICK.suffix, value, producer=producer)
    assert (producer or shop.producer).flush(30) == 0


def transactional(shop: Shop) -> Producer:
    producer = shop.new_producer(**{"transactional.id": f"{shop.namespace}.shop"})
    producer.init_transactions(30)
    return producer


def end(shop: Shop) -> int:
    return shop.ends([CLICK.suffix])[shop.topic(CLICK.suffix), 0]


def committed(shop: Shop) -> int:
    return shop.committed("profiles", CLICK.suffix).get(0, -1)


def lag(worker: Worker) -> float | None:
    return worker.metric("headwater_consumer_lag_records", topic=CLICK.suffix, partition="0")


def lag_becomes(worker: Worker, wanted: int, timeout: float = 10.0) -> None:
    wait_until(lambda: lag(worker) == wanted, timeout, lambda: f"lag {lag(worker)}\n{worker.log()[-3000:]}")


def test_holes_of_commit_markers(shop: Shop) -> None:
    """Three transactions of one click each: three answers, a commit at the end, no lag; a kill repeats nothing."""
    worker = shop.worker()
    worker.wait_ready()
    producer = transactional(shop)
    for n in range(3):
        producer.begin_transaction()
        click(shop, f"e{n}", f"u{n + 1}", "i1", producer)
        producer.commit_transaction(30)
    records = shop.wait_records(3)
    wait_until(lambda: committed(shop) >= 5, 10, shop.logs)
    lag_becomes(worker, 0)
    assert end(shop) == 6
    assert sorted(record["trigger"]["offset"] for record in records) == [0, 2, 4]
    assert len(by_id(records)) == 3
    learned = {user: state.learned for user, state in shop.user_states().items()}
    assert learned == {"u1": 1, "u2": 1, "u3": 1}

    worker.kill()
    worker.start()
    worker.wait_ready()
    lag_becomes(worker, 0)  # though it starts on a marker, and there is nothing behind it
    click(shop, "e3", "u4", "i2")
    records = shop.wait_records(4)
    assert records[-1]["trigger"]["offset"] == 6
    wait_until(lambda: committed(shop) == 7, 10, shop.logs)
    lag_becomes(worker, 0)
    assert set(by_id(shop.records()).values()) == {1}, "nothing was answered again"
    assert {user: state.learned for user, state in shop.user_states().items()} == learned | {"u4": 1}
    assert worker.stop() == 0


def test_aborted_transactions(shop: Shop) -> None:
    """Aborted records have no effect, also for a worker that starts on the marker or waits for the end."""
    worker = shop.worker()
    worker.wait_ready()
    producer = transactional(shop)
    producer.begin_transaction()
    click(shop, "e1", "u1", "i9", producer)  # offset 0
    click(shop, "e0", "u3", "i1")  # offset 1: the commit behind it points at the marker
    producer.abort_transaction(30)  # offset 2
    shop.wait_records(1)
    wait_until(lambda: committed(shop) == 2, 10, shop.logs)
    assert end(shop) == 3
    assert worker.stop() == 0
    assert committed(shop) == 2

    producer.begin_transaction()
    click(shop, "e2", "u1", "i1", producer)
    producer.commit_transaction(30)
    worker.start()
    worker.wait_ready()
    shop.wait_records(2)
    lag_becomes(worker, 0)

    producer.begin_transaction()
    click(shop, "e3", "u2", "i9", producer)
    click(shop, "e4", "u2", "i1")
    lag_becomes(worker, 2)
    assert worker.page("/healthz")[0] == 200 and len(shop.records()) == 2
    producer.abort_transaction(30)
    records = shop.wait_records(3, timeout=5)
    lag_becomes(worker, 0)
    wait_until(lambda: not any(shop.lags()[stage] for stage in ("items", "catalog")), 10, shop.logs)

    assert sorted(record["trigger"]["event_id"] for record in records) == ["e0", "e2", "e4"]
    index = shop.items()
    counts = {item: float(index.interactions[row]) for item, row in index.lookup.items()}
    assert counts.get("i9", 0.0) == 0.0 and counts["i1"] == 3.0
    assert {user: state.learned for user, state in shop.user_states().items()} == {"u1": 1, "u2": 1, "u3": 1}
    assert "ERROR" not in worker.log()
    assert worker.stop() == 0


def test_log_that_begins_later(shop: Shop) -> None:
    """Offsets that retention has removed are another hole; a group without a committed offset starts behind it."""
    for n in range(8):
        click(shop, f"e{n}", "u1", f"i{n}")
    cut = TopicPartition(shop.topic(CLICK.suffix), 0, 5)
    shop.admin.delete_records([cut])[cut].result(30)
    worker = shop.worker()
    worker.wait_ready()
    records = shop.wait_records(3)
    assert sorted(record["trigger"]["offset"] for record in records) == [5, 6, 7]
    lag_becomes(worker, 0)
    wait_until(lambda: committed(shop) == 8, 10, shop.logs)
    assert worker.stop() == 0
