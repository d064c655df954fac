"""Programs of somebody who knows only the README: plain producers in, a plain consumer out."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer

from headwater.local_kafka.broker import LocalKafka
from tests.integration.shop import Shop
from tests.integration.worker import Worker

pytestmark = pytest.mark.integration
COMPRESSIONS = ("none", "gzip", "snappy", "lz4", "zstd")


class Stranger:
    """Knows the broker's address, the namespace and the metrics page."""

    def __init__(self, brokers: str, namespace: str) -> None:
        self.brokers, self.namespace = brokers, namespace

    def producer(self, **config: Any) -> Producer:
        return Producer({"bootstrap.servers": self.brokers, "partitioner": "murmur2_random"} | config)

    def send(self, producer: Producer, topic: str, key: str, **value: Any) -> None:
        producer.produce(f"{self.namespace}.{topic}", key=key, value=json.dumps(value))

    def recommendations(self, count: int, timeout: float = 60.0) -> list[dict[str, Any]]:
        """The first ``count`` records."""
        consumer = Consumer({"bootstrap.servers": self.brokers, "group.id": "my-page", "auto.offset.reset": "earliest"})
        consumer.subscribe([f"{self.namespace}.recommendations.v1"])
        records: list[dict[str, Any]] = []
        deadline = time.monotonic() + timeout
        try:
            while len(records) < count and time.monotonic() < deadline:
                message = consumer.poll(1.0)
                if message is not None and not message.error():
                    records.append(json.loads(message.value()))
                    assert message.key().decode() == records[-1]["user_id"]
        finally:
            consumer.close()
        return records


@pytest.fixture(scope="module")
def door(kafka: LocalKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stranger, Worker]]:
    """One worker for all of them."""
    shop = Shop(kafka.bootstrap, "doors", Path(tmp_path_factory.mktemp("doors")))
    worker = shop.worker()
    worker.wait_ready()
    yield Stranger(kafka.bootstrap, "doors"), worker
    assert worker.stop() == 0
    shop.close()


def test_all_doors_with_every_compression(door: tuple[Stranger, Worker]) -> None:
    """Catalogue, searches, clicks, purchases and impressions in batches of every kind; each event is answered."""
    stranger, worker = door
    now = int(time.time() * 1000)
    producers = [stranger.producer(**{"compression.type": kind, "linger.ms": 50}) for kind in COMPRESSIONS]
    for number, producer in enumerate(producers):
        for n in range(20):
            sku = f"sku-{number}-{n}"
            stranger.send(producer, "catalog.items.v1", sku, item_id=sku, title=f"Green Tea {n}", categories=["tea"])
        assert producer.flush(30) == 0
    assert _metric(worker, "headwater_index_items", 100)
    for number, (compression, producer) in enumerate(zip(COMPRESSIONS, producers, strict=True)):
        for n in range(20):
            user, sku = f"{compression}-{n % 4}", f"sku-{number}-{n}"
            event = {"user_id": user, "occurred_at": now + n}
            stranger.send(producer, "events.search.v1", user, event_id=f"s{n}", query="green tea", **event)
            stranger.send(producer, "events.click.v1", user, event_id=f"c{n}", item_id=sku, action="view", **event)
            stranger.send(producer, "events.purchase.v1", user, event_id=f"p{n}", item_id=sku, quantity=1, **event)
        assert producer.flush(30) == 0
    records = stranger.recommendations(5 * 60)
    assert len({record["recommendation_id"] for record in records}) == 300
    for compression in COMPRESSIONS:
        mine = [record for record in records if record["user_id"].startswith(f"{compression}-")]
        events = {(record["trigger"]["topic"].split(".events.")[1], record["trigger"]["event_id"]) for record in mine}
        assert events == {(f"{t}.v1", f"{t[0]}{n}") for t in ("search", "click", "purchase") for n in range(20)}
    full = [record for record in records if record["items"]]
    assert len(full) > 100
    for record in full:
        assert record["text"] and record["text_source"] in ("llm", "frame", "template")
        assert record["source"] in ("personal", "session", "search", "trending")
        first = record["items"][0]
        assert first["title"].startswith("Green Tea") and first["reason"]["kind"] and first["rank"] == 1

    # the front end says what it showed, and the click on it is attributed
    last = full[-1]
    producer = stranger.producer()
    user, item = last["user_id"], last["items"][0]["item_id"]
    event = {"user_id": user, "recommendation_id": last["recommendation_id"], "occurred_at": now + 100}
    stranger.send(producer, "events.impression.v1", user, event_id="i1", item_ids=[item], **event)
    assert producer.flush(30) == 0
    assert _metric(worker, "headwater_impressions_total", 1)
    stranger.send(producer, "events.click.v1", user, event_id="c99", item_id=item, **event)
    assert producer.flush(30) == 0
    assert _metric(worker, "headwater_attributed_clicks_total", 1)


def test_transactions(door: tuple[Stranger, Worker]) -> None:
    """Committed events are answered, aborted ones are as if they had never been."""
    stranger, _ = door
    now = int(time.time() * 1000)
    producer = stranger.producer(**{"transactional.id": "shop-1"})
    producer.init_transactions(30)
    for n in range(6):
        producer.begin_transaction()
        event = {"user_id": "tess", "item_id": f"good-{n}" if n % 2 else "aborted", "occurred_at": now + n}
        stranger.send(producer, "events.click.v1", "tess", event_id=f"t{n}", **event)
        stranger.send(producer, "events.purchase.v1", "tess", event_id=f"tp{n}", **event)
        stranger.send(producer, "catalog.items.v1", f"item-{n}", item_id=f"item-{n}", title=f"Title {n}")
        assert producer.flush(30) == 0  # aborted ones, too, are really in the log
        if n % 2:
            producer.commit_transaction(30)
        else:
            producer.abort_transaction(30)
    plain = stranger.producer()
    last = {"user_id": "tess", "item_id": "good-1", "occurred_at": now + 10}
    stranger.send(plain, "events.click.v1", "tess", event_id="last", **last)
    assert plain.flush(30) == 0

    wanted = {"t1", "t3", "t5", "tp1", "tp3", "tp5", "last"}
    consumer = Consumer({"bootstrap.servers": stranger.brokers, "group.id": "tess", "auto.offset.reset": "earliest"})
    consumer.subscribe([f"{stranger.namespace}.recommendations.v1"])
    answered: dict[str, dict[str, Any]] = {}
    deadline = time.monotonic() + 30
    while not wanted <= answered.keys() and time.monotonic() < deadline:
        message = consumer.poll(1.0)
        if message is not None and not message.error() and message.key() == b"tess":
            record = json.loads(message.value())
            answered[record["trigger"]["event_id"]] = record
    consumer.close()
    assert answered.keys() == wanted
    named = {item["item_id"] for record in answered.values() for item in record["items"]}
    assert not named & {"aborted", "item-0", "item-2", "item-4"}


def _metric(worker: Worker, name: str, wanted: int) -> bool:
    """Whether a plain scrape shows the figure within 20 s."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with urllib.request.urlopen(f"{worker.url}/metrics", timeout=5) as page:
            if f"\n{name} {wanted:.1f}\n" in page.read().decode():
                return True
        time.sleep(0.2)
    return False
