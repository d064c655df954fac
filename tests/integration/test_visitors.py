"""What visitors type never stops a worker; what its producers do wrong does, and a restart gets past it."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from streams.broker.partitioning import partition_of
from streams.topology import CATALOG_ITEMS, CLICK, SEARCH
from tests.integration.shop import Shop
from tests.integration.waiting import wait_until
from tests.integration.worker import Worker

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
TYPED = ("", "   ", "\u200b", "a" * 501, "lorem ipsum " * 400)


def send(shop: Shop, suffix: str, number: int, **fields: Any) -> None:
    event = {"event_id": f"e{number}", "user_id": f"u{number % 400}", "occurred_at": int(time.time() * 1000)}
    shop.send(suffix, event | fields)


def good(shop: Shop, number: int) -> None:
    if number % 3:
        send(shop, CLICK.suffix, number, item_id=f"i{number % 40}")
    else:
        send(shop, SEARCH.suffix, number, query=f"lamp {number % 40}")


def bad(shop: Shop, number: int, suffix: str = CLICK.suffix) -> None:
    shop.send(suffix, b'{"event_id": "p%d"' % number, key=b"u%d" % (number % 400))


def ended(worker: Worker) -> str:
    """Its last line, after it has stopped by itself."""
    assert worker.wait(60) == 1, worker.log()[-3000:]
    assert "Traceback" not in worker.log()
    return worker.log().rstrip().splitlines()[-1]


@pytest.mark.parametrize("waiting", [True, False], ids=["waiting for the worker", "while it runs"])
def test_empty_and_long_searches_stop_nothing(shop: Shop, waiting: bool) -> None:
    """2,000 events, every tenth of them typed for nothing or pasted: all others are answered, each is counted."""
    if not waiting:
        shop.worker().wait_ready()
    sent = dict.fromkeys(TYPED, 0)
    for n in range(2_000):
        if n % 10:
            good(shop, n)
            continue
        query = TYPED[n // 10 % len(TYPED)]
        sent[query] += 1
        send(shop, SEARCH.suffix, n, query=query)
        if not waiting and n % 100 == 0:
            shop.flush()
            time.sleep(0.05)
    shop.flush()
    worker = shop.workers[0] if shop.workers else shop.worker()
    worker.wait_ready()
    shop.wait_lag_zero(120)
    long = sent["a" * 501] + sent["lorem ipsum " * 400]
    answered = {record["trigger"]["event_id"] for record in shop.records()}
    assert answered >= {f"e{n}" for n in range(2_000) if n % 10}
    assert len(answered) == 1_800 + long
    assert worker.metric("headwater_events_total", topic=SEARCH.suffix, outcome="ignored") == sum(sent.values()) - long
    assert worker.metric("headwater_cut_queries_total") == long
    assert shop.dead_letters() == [] and worker.metric("headwater_events_total", outcome="rejected") == 0
    assert worker.stop() == 0


def test_only_empty_searches(shop: Shop) -> None:
    for n in range(1_200):
        send(shop, SEARCH.suffix, n, query="")
    shop.flush()
    worker = shop.worker()
    worker.wait_ready()
    shop.wait_lag_zero()
    assert worker.metric("headwater_events_total", outcome="ignored") == 1_200
    assert worker.stop() == 0


def test_each_restart_gets_past_what_was_refused(shop: Shop) -> None:
    """Every second record is malformed. The worker stops again and again, and each start begins behind the last."""
    for n in range(1_200):
        good(shop, n)
        bad(shop, n)
    shop.flush()
    lags = [2_400]
    worker = shop.worker(HEADWATER_FETCH_RECORDS="100")
    for _ in range(3):
        line = ended(worker)
        assert "HEADWATER_DEAD_LETTER_RATE" in line and shop.topic("dead-letters.v1") in line
        lags.append(shop.lag("profiles", [CLICK.suffix, SEARCH.suffix]))
        places = [(h["source-topic"], h["source-partition"], h["source-offset"]) for h, _ in shop.dead_letters()]
        assert len(places) == len(set(places)), "none is written twice"
        worker.start()
    assert lags == sorted(set(lags), reverse=True) and lags[-1] > 0
    worker.kill()
    worker.env["HEADWATER_DEAD_LETTER_RATE"] = "1"
    worker.start()
    shop.wait_lag_zero(60)
    assert {record["trigger"]["event_id"] for record in shop.records()} == {f"e{n}" for n in range(1_200)}
    letters = [(h["source-topic"], h["source-partition"], h["source-offset"]) for h, _ in shop.dead_letters()]
    assert len(set(letters)) == 1_200
    assert worker.stop() == 0


def test_the_share_that_is_named_is_the_one_that_acts(shop: Shop) -> None:
    """940 good catalogue rows and 60 bad ones: more than 5 %."""
    for n in range(1_000):
        row = {"item_id": f"i{n}", "title": f"Item {n}"} if n % 50 > 2 else {"item_id": f"i{n}"}
        shop.send(CATALOG_ITEMS.suffix, row)
    shop.flush()
    assert "missing_field" in ended(shop.worker())


def test_a_share_below_it_is_never_taken_for_more(shop: Shop) -> None:
    """5 % of 2,000 records, all of them in one topic, the partitions of which are read as the broker pleases."""
    for n in range(1_900):
        send(shop, CLICK.suffix, n, item_id=f"i{n % 40}")
    for n in range(100):
        bad(shop, n, SEARCH.suffix)
    shop.flush()
    worker = shop.worker()
    worker.wait_ready()
    shop.wait_lag_zero()
    assert len(shop.dead_letters()) == 100
    assert worker.stop() == 0


def test_offsets_without_records_are_no_backlog(shop: Shop) -> None:
    """3,000 offsets of an aborted transaction: once the worker is behind them, the last 1,000 records count."""
    producer = shop.new_producer(**{"transactional.id": f"{shop.namespace}.shop"})
    producer.init_transactions(30)
    producer.begin_transaction()
    for n in range(3_000):
        shop.send(CLICK.suffix, {"user_id": f"u{n}"}, producer=producer)
    assert producer.flush(30) == 0
    producer.abort_transaction(30)
    worker = shop.worker()
    worker.wait_ready()
    for n in range(20):
        good(shop, n)
    shop.flush()
    shop.wait_records(20)
    for n in range(60):
        bad(shop, n)
    shop.flush()
    assert "51 of the last 1,000 records" in ended(worker)


def test_dead_letters_keep_the_headers_of_the_record(shop: Shop) -> None:
    """Byte for byte, in order, without value and twice; a good record may have them, too."""
    own = [("trace-bin", bytes.fromhex("c328ff00")), ("empty", None), ("dup", b"1"), ("dup", b"2")]
    worker = shop.worker()
    event = {"event_id": "e1", "user_id": "u1", "item_id": "i1", "occurred_at": "2026-03-01T10:00:00Z"}
    shop.send(CLICK.suffix, event, headers=own)
    shop.send(CLICK.suffix, b"{not json", key=b"u1", headers=own)
    shop.send(CATALOG_ITEMS.suffix, b"[]", key=b"i1", headers=own[1:])
    shop.flush()
    shop.wait_records(1)
    shop.wait_lag_zero()
    letters = {bytes(message.value()): message.headers() for message in shop.read("dead-letters.v1")}
    assert letters[b"{not json"][:4] == own and letters[b"[]"][:3] == own[1:]
    assert [name for name, _ in letters[b"{not json"][4:9]] == [
        "source-topic", "source-partition", "source-offset", "stage", "reason",
    ]  # fmt: skip
    assert worker.stop() == 0


class NoText(str):
    """A header's name that no client of ours would write."""

    def encode(self, *_args: Any) -> bytes:
        return b"\xff\xfe"


async def send_raw(shop: Shop, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> None:
    """One click record, with whatever bytes a header's name has."""
    async with AIOKafkaProducer(bootstrap_servers=shop.brokers) as producer:
        batch = producer.create_batch()
        batch._builder = _DefaultRecordBatchBuilderPy(2, 0, False, -1, -1, 0, 1 << 20)
        batch.append(timestamp=int(time.time() * 1000), key=key, value=value, headers=headers)
        batch.close()
        partition = partition_of(key, shop.partitions(CLICK.suffix))
        await (await producer.send_batch(batch, shop.topic(CLICK.suffix), partition=partition))


def test_a_header_whose_name_is_no_text(shop: Shop) -> None:
    """It stops nothing: the record is learned, or a dead letter, like any other."""
    worker = shop.worker()
    event = {"event_id": "e1", "user_id": "u1", "item_id": "i1", "occurred_at": "2026-03-01T10:00:00Z"}
    for value in (json.dumps(event).encode(), b"{not json"):
        asyncio.run(send_raw(shop, b"u1", value, [(NoText("x"), b"1"), ("fine", b"2")]))
    shop.wait_records(1)
    shop.wait_lag_zero()
    ((headers, value),) = shop.dead_letters()
    assert value == b"{not json" and headers["headers-unreadable"] == "true" and headers["reason"] == "broken_json"
    assert worker.stop() == 0


def test_the_pages_tell_the_true_number_of_items(shop: Shop) -> None:
    """Also of those that came after the start."""
    worker = shop.worker()
    worker.wait_ready()
    assert _items(worker).startswith("0 items of the catalogue, 0 others")
    for n in range(5):
        shop.send(CATALOG_ITEMS.suffix, {"item_id": f"i{n}", "title": f"Item {n}"})
    shop.send(CATALOG_ITEMS.suffix, None, key="i0")
    send(shop, CLICK.suffix, 1, item_id="nobody-listed-it")
    shop.flush()
    wait_until(lambda: _items(worker).startswith("4 items of the catalogue, 2 others"), 20, lambda: _items(worker))
    assert worker.stop() == 0


def _items(worker: Worker) -> str:
    return str(json.loads(worker.page("/readyz")[1])["checks"]["item index"]["message"])
