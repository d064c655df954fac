"""What /metrics of a whole worker shows is bounded, in seconds, and fit for alerts."""

from __future__ import annotations

import json
import random
import re
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from confluent_kafka import Consumer, Message
from confluent_kafka.admin import NewTopic

from streams.metrics import Metrics
from streams.metrics.registry import Definition
from tests.integration.load import Load
from tests.integration.scrapes import Histogram, Scrape, assert_alerts, needs_promtool, promtool_test, series
from tests.integration.shop import Shop
from tests.integration.slow_backend import SECONDS
from tests.integration.waiting import wait_until
from tests.integration.worker import Worker

pytestmark = pytest.mark.integration
DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"
MARK = "zq7"  # in everything that is somebody's own: no metric may show it
MALFORMED = "profiles", "broken_json"
IDLE = 100.0  # events a second
LATENCY = "headwater_event_to_record_seconds"


def definitions() -> list[Definition]:
    return Metrics().registry.definitions


def click(n: int, user: int, item: int, **fields: Any) -> dict[str, Any]:
    value = {"event_id": f"{MARK}-e{n}", "user_id": f"{MARK}-u{user}", "item_id": f"{MARK}-i{item}"}
    return {"topic": "events.click.v1", "value": value | {"occurred_at": int(time.time() * 1000)} | fields}


# ---- bounded series
def send_many(shop: Shop, events: int, malformed: int, topics: list[str]) -> None:
    """Half as many users as events, a fifth as many items; searches; malformed records, no two alike; wrong topics.

    One in twenty is young enough to be answered, so that the whole takes seconds.
    """
    rng, now = random.Random(57), int(time.time() * 1000)
    for n in range(events):
        young = now if n % 20 == 0 else now - 600_000
        line = click(n, rng.randrange(events // 2), rng.randrange(events // 5))
        if n % 10 == 0:
            fields = {"query": f"{MARK} lamp {n}", "item_id": None}
            line = {"topic": "events.search.v1", "value": {k: v for k, v in (line["value"] | fields).items() if v}}
        shop.send(line["topic"], line["value"], timestamp=young)
        if n % (events // malformed) == 0:
            broken = f'{{"event_id": "{MARK}-{n}", "user_id": {n}, "{MARK}{n}": '.encode()
            shop.send("events.click.v1", broken, key=f"{MARK}-u{n}", headers=[(f"{MARK}{n}", MARK.encode())])
        if n % 5_000 == 0:
            shop.flush()
    for n, topic in enumerate(topics):
        shop.send(topic, click(n, n, n)["value"])
    shop.flush()


def act_again(shop: Shop, worker: Worker, first: int) -> int:
    """Ten users who come back, so that the windowed figures stand on enough events; returns how many events."""
    lines = [click(first + n, n % 10, n % 20) for n in range(400)]
    count = Load(shop, lines, 200.0).join()
    shop.wait_lag_zero()
    wait_until(lambda: worker.metric("headwater_coverage_ratio") is not None, 20, worker.log)
    return count


def wrong_topics(shop: Shop, count: int) -> list[str]:
    """Topics of the namespace that nobody reads."""
    names = [f"events.{MARK}-{n}.v1" for n in range(count)]
    for future in shop.admin.create_topics([NewTopic(shop.topic(name), 1, 1) for name in names]).values():
        future.result(60)
    return names


@pytest.mark.parametrize(
    ("events", "malformed", "topics"),
    [(10_000, 500, 10), pytest.param(100_000, 5_000, 100, marks=[pytest.mark.faults, pytest.mark.timeout(300)])],
    ids=["small", "whole"],
)
def test_the_series_do_not_grow_with_the_traffic(shop: Shop, events: int, malformed: int, topics: int) -> None:
    """Many users, items and malformed records: under 50 series more, then none; nobody's data in a label."""
    worker = shop.worker(HEADWATER_DEAD_LETTER_RATE="0.5")
    worker.wait_ready()
    wait_until(lambda: worker.metric("headwater_consumer_lag_records") is not None, 20)
    names = wrong_topics(shop, topics)
    seconds, scrapes = [], [Scrape.of(worker)]
    try:
        for _ in range(2):
            send_many(shop, events, malformed, names)
            shop.wait_lag_zero(150)
            again = act_again(shop, worker, events)
            wait_until(lambda: worker.metric("headwater_consumer_lag_records") == 0, 20)
            started = time.monotonic()
            scrapes.append(Scrape.of(worker))
            seconds.append(time.monotonic() - started)
    finally:
        shop.admin.delete_topics([shop.topic(name) for name in names])
    before, first, second = scrapes
    assert first.value("headwater_dead_letters_total") == malformed
    assert second.value("headwater_dead_letters_total") == 2 * malformed
    learned = second.value("headwater_events_total", outcome="learned")
    repeated = second.value("headwater_events_total", outcome="duplicate")
    assert learned >= events and learned + repeated == 2 * (events + again)
    grown = len(first.own) - len(before.own)
    assert 0 <= grown < 50 and before.own <= first.own, f"{grown} series more"
    asked_for = {key for key in second.own if key[0] == "headwater_unread_records"}  # of the broker, twice a minute
    assert second.own - asked_for == first.own - asked_for, "the same again adds none"
    bound = re.search(r"at most \*\*([\d,]+) time series\*\*", DOCS.read_text())
    assert bound and len(second.own) <= int(bound[1].replace(",", ""))
    assert len(second.own) <= Metrics().series_bound(shop.settings)
    assert MARK not in second.text
    assert_labels_closed(second, shop.namespace)
    assert max(seconds) < 1.0 and len(second.text) < 1_000_000
    assert len(second.text) < 1.2 * len(before.text)


def assert_labels_closed(scrape: Scrape, namespace: str) -> None:
    """Every label value is one of its definition's."""
    known = {definition.name: definition for definition in Metrics(namespace).registry.definitions}
    for name, labels in scrape.own:
        definition = known.get(name) or known[re.sub(r"_(bucket|count|sum)$", "", name)]
        values = {label.name: {label.text(value) for value in label.values} for label in definition.labels}
        for label, value in labels:
            assert label == "le" or value in values[label], f"{name}: {label}={value}"


# ---- durations
class Client:
    """Reads recommendations as they come, and notes when each arrived."""

    def __init__(self, shop: Shop) -> None:
        self.arrived: list[tuple[float, dict[str, Any]]] = []
        self._ends = threading.Event()
        self._consumer = Consumer(
            {"bootstrap.servers": shop.brokers, "group.id": f"{shop.namespace}.client", "auto.offset.reset": "earliest"}
        )
        self._consumer.subscribe([shop.topic("recommendations.v1")])
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ends.is_set():
            message: Message | None = self._consumer.poll(0.1)
            if message is not None and not message.error():
                self.arrived.append((time.time(), json.loads(message.value() or b"")))
        self._consumer.close()

    def wait(self, count: int) -> None:
        wait_until(lambda: len(self.arrived) >= count, 40, lambda: f"{len(self.arrived)} records of {count}")

    def stop(self) -> None:
        self._ends.set()
        self._thread.join(20)


def triggered(shop: Shop) -> dict[tuple[str, int, int], float]:
    """When each click was made, in seconds."""
    read = shop.read("events.click.v1")
    return {(m.topic(), m.partition(), m.offset()): m.timestamp()[1] / 1000 for m in read}


def delays(client: Client, made: dict[tuple[str, int, int], float]) -> list[float]:
    """Seconds from event to record as the client saw them."""
    triggers = [(at, record["trigger"]) for at, record in client.arrived]
    return [at - made[trigger["topic"], trigger["partition"], trigger["offset"]] for at, trigger in triggers]


def assert_resolved(scrape: Scrape) -> set[str]:
    """No histogram is blind at either end; returns the names of those that have seen something."""
    seen = set()
    for histogram in scrape.histograms():
        seen.add(histogram.name)
        assert histogram.share_beyond <= 0.01, f"{histogram.name}{histogram.labels}: beyond the last bucket"
        assert histogram.share_of_first <= 0.5, f"{histogram.name}{histogram.labels}: {histogram.buckets[:3]}"
        assert all(histogram.quantile(q) >= 0 for q in (0.5, 0.95, 0.99))
        if histogram.name.endswith("_seconds"):
            mean, low, high = histogram.total / histogram.count, histogram.quantile(0.01), histogram.buckets[-2][0]
            assert 0 < mean < 60 and low <= high, f"{histogram.name} holds no seconds: mean {mean}"
    return seen


def catalogue(shop: Shop, worker: Worker, items: int) -> None:
    for n in range(items):
        shop.send(
            "catalog.items.v1", {"item_id": f"{MARK}-i{n}", "title": f"Silver Harbor {n}", "categories": ["Drama"]}
        )
    shop.flush()
    wait_until(lambda: worker.metric("headwater_index_items") == items, 20, worker.log)


@pytest.mark.faults
def test_durations_are_seconds_and_resolved(shop: Shop) -> None:
    """1,000 events at 100/s on an idle worker: quantiles of the histogram, the records and a client agree."""
    for definition in definitions():
        if definition.unit == "seconds":
            inside = [bound for bound in definition.bounds if 0.001 <= bound <= 60]
            assert definition.name.endswith("_seconds")
            assert not definition.bounds or (inside[0] == 0.001 and inside[-1] == 60)
    worker = shop.worker()
    worker.wait_ready()
    catalogue(shop, worker, 30)
    client = Client(shop)
    load = Load(shop, [click(n, n % 40, n % 30) for n in range(1_000)], IDLE)
    load.join()
    client.wait(1_000)
    client.stop()
    scrape = Scrape.of(worker)
    seen = assert_resolved(scrape)
    assert seen >= {LATENCY, "headwater_ranking_seconds", "headwater_stage_seconds", "headwater_batch_records"}
    latency = Histogram.of(scrape, LATENCY)
    assert latency.count == 1_000 and 0.001 < latency.total / latency.count < 1
    told = [record["latency_ms"]["total"] for _, record in client.arrived]
    assert sum(told) / len(told) == pytest.approx(latency.total / latency.count * 1000, rel=0.01)
    client_median = float(np.median(delays(client, triggered(shop))))
    print(f"median: histogram {latency.quantile(0.5) * 1000:.1f} ms, client {client_median * 1000:.1f} ms")
    assert latency.quantile(0.5) == pytest.approx(client_median, rel=0.3)
    for step in ("decode", "learn", "rank", "emit", "checkpoint", "publish"):
        assert Histogram.of(scrape, "headwater_stage_seconds", {"step": step}).count > 0, step
    for stage in ("profiles", "items", "catalog"):
        assert Histogram.of(scrape, "headwater_batch_records", {"stage": stage}).count > 0, stage


def test_a_slow_model_shows_in_seconds(shop: Shop) -> None:
    """20 events with a model that takes 3 s."""
    worker = shop.worker(
        HEADWATER_MODEL_BACKEND="tests.integration.slow_backend:ThreeSeconds",
        HEADWATER_DOMAIN="film",
        HEADWATER_LIVE_SHARE="1",
        HEADWATER_DRAFT_DEADLINE="20",
    )
    worker.wait_ready()
    catalogue(shop, worker, 30)
    wait_until(lambda: worker.metric("headwater_model_state", state="ready") == 1, 20, worker.log)
    for n in range(20):
        line = click(n, n, n)
        shop.send(line["topic"], line["value"])
    shop.flush()
    records = shop.wait_records(20)
    live = [record for record in records if record["text_source"] == "llm"]
    assert live
    scrape = Scrape.of(worker)
    assert_resolved(scrape)
    text = Histogram.of(scrape, "headwater_text_seconds")
    assert SECONDS <= text.total / text.count < 2 * SECONDS
    assert SECONDS * 0.7 < text.quantile(0.5) < 2 * SECONDS
    slowest = max(record["latency_ms"]["total"] for record in records) / 1000
    latency = Histogram.of(scrape, LATENCY)
    assert latency.count == 20 and slowest >= SECONDS
    assert latency.quantile(0.99) == pytest.approx(slowest, rel=0.6)
    assert all(record["latency_ms"]["text"] >= SECONDS * 1000 for record in live)


# ---- counters and alerts
def test_the_first_dead_letter_and_a_restart(shop: Shop, tmp_path: Path) -> None:
    """All closed label sets are there with 0 at once; the first refused record is an increase of 1."""
    scrapes = three_scrapes(shop)
    fresh, refused, restarted = scrapes
    for scrape in (fresh, restarted):
        for definition in definitions():
            if definition.kind == "counter":
                sets = np.prod([len(label.values) for label in definition.labels], dtype=int)
                expected = sets if definition.starts_at_zero else 0
                shown = [value for (name, _), value in scrape.samples.items() if name == definition.name]
                assert len(shown) == expected, definition.name
    assert fresh.value("headwater_dead_letters_total") == 0 and fresh.value("headwater_texts_total") == 0
    assert refused.value("headwater_dead_letters_total", stage=MALFORMED[0], reason=MALFORMED[1]) == 1
    assert refused.value("headwater_dead_letters_total") == 1
    assert restarted.value("headwater_dead_letters_total") == 0, "what was refused is not refused again"
    for scrape in scrapes:
        quality = [key for key in scrape.own if "prequential" in key[0] or "click_through" in key[0]]
        assert [name for name, _ in quality] == ["headwater_prequential_tested_events_total"]
        assert "nan" not in scrape.text.lower()
        for name, _ in scrape.own:
            family = re.sub(r"_(bucket|count|sum)$", "", name)
            assert family in {definition.name for definition in definitions()}


@needs_promtool
def test_no_rule_fires_for_a_restart_or_silence(shop: Shop, tmp_path: Path) -> None:
    """The shipped rules over the three scrapes and ten minutes without traffic: the refused record alone is told."""
    fresh, refused, restarted = three_scrapes(shop)
    told = {"HeadwaterDeadLetters": 1}
    quiet = series([(fresh, 8), (restarted, 40), (None, 4), (fresh, 8), (restarted, 80)])
    assert_alerts(tmp_path, quiet, {"12m": {}, "30m": {}})
    inputs = series([(fresh, 20), (refused, 20), (None, 4), (restarted, 80)])
    assert_alerts(tmp_path, inputs, {"4m45s": {}, "8m": told, "25m": told})
    letters = "sum(increase(headwater_dead_letters_total[6m]))"
    promtool_test(
        tmp_path,
        inputs,
        [
            {"expr": f"round({letters})", "eval_time": "8m", "exp_samples": [{"labels": "{}", "value": 1}]},
            {"expr": f"round({letters})", "eval_time": "25m", "exp_samples": [{"labels": "{}", "value": 0}]},
        ],
    )


def three_scrapes(shop: Shop) -> tuple[Scrape, Scrape, Scrape]:
    """Of a fresh worker at once, after the first malformed record ever, and after a restart."""
    worker = shop.worker()
    fresh = Scrape.of(worker)
    worker.wait_ready()
    shop.send("events.click.v1", b"{broken", key="u1")
    shop.flush()
    wait_until(lambda: len(shop.dead_letters()) == 1, 20, worker.log)
    shop.wait_lag_zero()
    refused = Scrape.of(worker)
    assert worker.stop() == 0
    worker.start()
    worker.wait_ready()
    return fresh, refused, Scrape.of(worker)
