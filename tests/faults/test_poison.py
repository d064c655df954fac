"""Records that nobody can learn from: 1 % of them go to the dead letters, a topic full of them stops the worker."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headwater.local_kafka.broker import LocalKafka
from tests.faults.events import Mixed
from tests.integration.reference import assert_exact
from tests.integration.shop import Shop

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]
EVENTS = 3_000
HUGE = 10_000_000
YEAR_MS = 365 * 86_400_000
Poison = tuple[str, bytes | None, bytes | None, str]
"""Kind of topic, key, value, reason."""


def poison(now: int) -> list[Poison]:
    """One record of each kind."""

    def click(**fields: Any) -> bytes:
        event = {"event_id": "p", "user_id": "eve", "item_id": "i", "occurred_at": now} | fields
        return json.dumps({name: value for name, value in event.items() if value is not ...}).encode()

    eve = b"eve"
    deep = b"[" * 200 + b"]" * 200
    return [
        ("click", eve, click()[:-5], "broken_json"),
        ("click", eve, b"", "broken_json"),
        ("click", eve, b'{"event_id":"\xff\xfe"}', "broken_json"),
        ("click", eve, click(value=float("nan")), "broken_json"),
        ("click", eve, click().replace(b'"occurred_at"', b'"value": 1e999, "occurred_at"'), "not_finite"),
        ("click", eve, click(item_id=5), "wrong_type"),
        ("click", eve, click(action="teleport"), "out_of_range"),
        ("click", eve, click(item_id=...), "missing_field"),
        ("click", eve, click(occurred_at=...), "missing_field"),
        ("click", eve, click(occurred_at=now + 150 * YEAR_MS), "time_in_future"),
        ("click", eve, click(occurred_at=-1), "negative_time"),
        ("click", eve, click(padding="x" * HUGE), "too_large"),
        ("click", eve, click()[:-1] + b', "extra": ' + deep + b"}", "too_deep"),
        ("click", b"", click(), "empty_key"),
        ("click", None, click(), "null_key"),
        ("click", b"mallory", click(), "key_mismatch"),
        ("click", eve, None, "null_value"),
        ("click", eve, b"[1, 2]", "not_a_record"),
        ("search", eve, click(query=7), "wrong_type"),
        ("search", eve, click(query="\ud83d"), "bad_text"),
        ("purchase", eve, click(quantity=-1), "out_of_range"),
        ("purchase", eve, click(occurred_at="yesterday"), "bad_time"),
        ("impression", eve, click(item_ids=[]), "missing_field"),
        ("impression", eve, None, "null_value"),
    ]


def poisoned_catalog() -> list[Poison]:
    return [
        ("catalog", b"i", b'{"item_id": "i"}', "missing_field"),
        ("catalog", b"i", b'{"item_id": "i", "title": NaN}', "broken_json"),
        ("catalog", b"i", json.dumps({"item_id": "i", "title": "T", "description": "y" * 1_500_000}).encode(),
         "too_large"),
    ]  # fmt: skip


def topic_of(kind: str) -> str:
    return "catalog.items.v1" if kind == "catalog" else f"events.{kind}.v1"


@pytest.fixture
def generous_shop(kafka: LocalKafka, namespace: str, tmp_path: Path) -> Iterator[Shop]:
    """Its click topic takes records of 10 MB."""
    config = {"events.click.v1": {"max.message.bytes": str(HUGE + 1_000_000)}}
    made = Shop(kafka.bootstrap, namespace, tmp_path, topic_config=config)
    yield made
    made.close()


def test_one_percent_of_poison(generous_shop: Shop, real_lines: Mixed) -> None:
    """Everything bad is in the dead letters with its reason, everything else is learned and answered."""
    shop = generous_shop
    producer = shop.new_producer(**{"message.max.bytes": HUGE + 1_000_000})
    worker = shop.worker()
    now = int(time.time() * 1000)
    bad = poison(now)
    bad += [record for record in poison(now) if record[3] != "too_large"][: EVENTS // 100 - len(bad)]
    places = dict(zip(sorted(random.Random(1).sample(range(EVENTS), len(bad))), bad, strict=True))
    for line in real_lines.catalog:
        shop.send(line["topic"], line["value"], producer=producer)
    for kind, key, value, _ in poisoned_catalog():
        shop.send(topic_of(kind), value, key=key, producer=producer)
    for number, line in enumerate(real_lines.events[:EVENTS]):
        if number in places:
            kind, key, value, _ = places[number]
            shop.send(topic_of(kind), value, key=key, producer=producer)
        shop.send(line["topic"], line["value"] | {"newer_field": {"of": ["a", "newer", "producer"]}}, producer=producer)
    assert producer.flush(60) == 0
    shop.wait_lag_zero(90)

    assert not worker.exited and worker.page("/readyz")[0] == 200
    letters = shop.dead_letters()
    found = sorted((headers["source-topic"], headers["reason"]) for headers, _ in letters)
    sent = [*places.values(), *poisoned_catalog()]
    assert found == sorted((shop.topic(topic_of(kind)), reason) for kind, _, _, reason in sent)
    for headers, value in letters:
        assert headers["message"] and int(headers["source-offset"]) >= 0 and headers["stage"] in ("profiles", "catalog")
        assert len(value or b"") <= 1 << 20
        if headers["reason"] == "too_large":
            assert headers["truncated"] == "true" and int(headers["original-length"]) > len(value or b"")
        else:
            assert value in [record[2] or b"" for record in sent], "the bytes as they came"
    by_reason = {reason: sum(1 for _, _, _, r in sent if r == reason) for _, _, _, reason in sent}
    for reason, count in by_reason.items():
        assert worker.metric("headwater_dead_letters_total", reason=reason) == count
    assert assert_exact(shop).repeated == 0
    assert worker.stop() == 0


def test_a_topic_full_of_poison_stops_the_worker(shop: Shop, real_lines: Mixed) -> None:
    """Exit code 1 and a message that says what to do; with the rate raised the worker goes on, and nothing is lost."""
    shop.send_lines(real_lines.events[:400])
    worker = shop.worker()
    shop.wait_records(300, 60)
    for number in range(400):
        shop.send("events.click.v1", b'{"event_id": "p%d"' % number, key=b"eve%d" % number)
    shop.flush()
    assert worker.wait(30) == 1
    assert "of the last" in worker.log() and "broken_json" in worker.log()
    assert "HEADWATER_DEAD_LETTER_RATE" in worker.log() and "Traceback" not in worker.log()

    worker.start()
    assert worker.wait(60) == 1, "it does not eat the topic by being restarted"

    shop.send_lines(real_lines.events[400:600])
    worker.env["HEADWATER_DEAD_LETTER_RATE"] = "1"
    worker.start()
    shop.wait_lag_zero(60)
    assert_exact(shop)
    assert worker.stop() == 0
