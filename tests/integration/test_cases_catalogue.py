"""The catalogue on a real broker: spellings, deletions, envelopes of other systems, the first answers of a worker."""

from __future__ import annotations

import time
from typing import Any

import pytest

from streams.topology import CATALOG_ITEMS, CLICK, ITEM_STATE, SEARCH
from tests.integration.shop import Shop
from tests.integration.waiting import wait_until

pytestmark = pytest.mark.integration
CATALOG = CATALOG_ITEMS.suffix
GONE: list[Any] = ["false", "no", "0", 0, "out of stock", "out_of_stock", "https://schema.org/OutOfStock", False]
THERE: list[Any] = ["true", 1, "in stock", "https://schema.org/InStock", True, None]


def click(shop: Shop, user: str, item: str, event_id: str | None = None) -> None:
    value = {"event_id": event_id or f"{user}-{item}", "user_id": user, "item_id": item,
             "occurred_at": int(time.time() * 1000)}  # fmt: skip
    shop.send(CLICK.suffix, value)


def search(shop: Shop, user: str, query: str) -> None:
    value = {"event_id": f"s-{user}", "user_id": user, "query": query, "occurred_at": int(time.time() * 1000)}
    shop.send(SEARCH.suffix, value)


def row(shop: Shop, item: str, **fields: Any) -> None:
    shop.send(CATALOG, {"item_id": item, "title": f"Item {item}"} | fields)


def items_of(shop: Shop, user: str) -> set[str]:
    """What the user's first answer lists."""
    found: list[dict[str, Any]] = []

    def answered() -> bool:
        found[:] = [record for record in shop.records() if record["user_id"] == user]
        return bool(found)

    wait_until(answered, 30, shop.logs)
    return {item["item_id"] for item in found[0]["items"]}


def test_no_spelling_of_no_is_ever_recommended(shop: Shop) -> None:
    """Also where the items are popular, and where a row withdraws an item that was there."""
    worker = shop.worker()
    worker.wait_ready()
    values = [*GONE, *THERE, "a spelling of our own", {}]
    for number, value in enumerate(values):
        row(shop, f"i{number}", available=value)
    row(shop, "i-missing")
    row(shop, "i-later")
    shop.flush()
    shop.wait_lag_zero()
    for number in range(len(values)):
        for user in range(3):
            click(shop, f"fan-{number}-{user}", f"i{number}")
    row(shop, "i-later", available="sold out")
    shop.flush()
    shop.wait_lag_zero()
    for number in range(20):
        search(shop, f"new-{number}", "qqqq")
    shop.flush()
    shop.wait_records(3 * len(values) + 20)
    listed = {item["item_id"] for record in shop.records() for item in record["items"]}
    there = {f"i{len(GONE) + number}" for number in range(len(THERE))} | {"i-missing"}
    new = [{i["item_id"] for i in record["items"]} for record in shop.records() if record["user_id"].startswith("new-")]
    assert set.union(*new) == there and not listed & {f"i{number}" for number in range(len(GONE))}
    assert not shop.dead_letters()
    name = "headwater_catalog_fields_dropped_total"
    assert worker.metric(name, field="available") == 2 and worker.metric(name) == 2
    assert worker.stop() == 0


def test_items_that_came_by_events_are_deleted_and_stay_away(shop: Shop) -> None:
    """A null for an item without a row, before or after its clicks, also after a rebuild from the topics."""
    worker = shop.worker()
    worker.wait_ready()
    for number in range(1, 6):
        row(shop, f"i{number}")
    shop.send(CATALOG, None, key="x7")  # nobody knows it yet
    shop.flush()
    shop.wait_lag_zero()
    for number in range(25):
        click(shop, f"c{number}", "x9")
        click(shop, f"d{number}", "x7")
    shop.flush()
    shop.wait_lag_zero()
    search(shop, "n0", "qqqq")
    shop.flush()
    assert items_of(shop, "n0") == {"x9", *(f"i{number}" for number in range(1, 6))}
    assert worker.metric("headwater_events_total", topic=CATALOG, outcome="ignored") == 1
    learned = worker.metric("headwater_events_total", topic=CATALOG, outcome="learned")

    shop.send(CATALOG, None, key="x9")
    shop.send(CATALOG, None, key="ghost")
    shop.flush()
    wait_until(lambda: bool(shop.items().deleted[shop.items().lookup["x9"]]), 30, shop.logs)
    shop.wait_lag_zero()
    assert worker.metric("headwater_events_total", topic=CATALOG, outcome="learned") == (learned or 0) + 1
    search(shop, "n1", "qqqq")
    click(shop, "n2", "i1")
    shop.flush()
    assert not {"x9", "x7"} & (items_of(shop, "n1") | items_of(shop, "n2"))
    assert b"ghost" not in {message.key() for message in shop.read(ITEM_STATE.suffix)}, "it makes no row"

    assert worker.stop() == 0
    worker.wipe()
    worker.start()
    worker.wait_ready()
    search(shop, "n3", "qqqq")
    click(shop, "n4", "x9")
    click(shop, "n4", "ghost")
    shop.flush()
    shop.wait_lag_zero()
    wait_until(lambda: bool(shop.items().deleted[shop.items().lookup["ghost"]]), 30, shop.logs)
    search(shop, "n5", "qqqq")
    shop.flush()
    assert not {"x9", "x7", "ghost"} & (items_of(shop, "n3") | items_of(shop, "n5"))
    row(shop, "x7")
    shop.flush()
    shop.wait_lag_zero()
    search(shop, "n6", "qqqq")
    shop.flush()
    assert "x7" in items_of(shop, "n6"), "a row brings it back"
    assert worker.stop() == 0


def test_envelopes_of_other_systems_are_named_and_never_half_read(shop: Shop) -> None:
    """CloudEvents in both modes, and change envelopes with their null under a key in JSON."""
    worker = shop.worker()
    worker.wait_ready()
    for item in ("i1", "i2", "i3"):
        row(shop, item)
    shop.flush()
    shop.wait_lag_zero()
    binary = [("ce_specversion", b"1.0"), ("ce_type", b"shop.click"), ("content-type", b"application/json")]
    structured = [("content-type", b"Application/CloudEvents+json; charset=UTF-8")]
    event = {"event_id": "e1", "user_id": "u1", "item_id": "i1", "occurred_at": int(time.time() * 1000)}
    shop.send(CLICK.suffix, event, headers=binary)
    envelope = {"specversion": "1.0", "type": "shop.click", "source": "/web", "id": "x2"}
    shop.send(CLICK.suffix, envelope | {"data": event | {"event_id": "e2", "item_id": "i2"}}, "u1", headers=structured)
    shop.send(CATALOG, envelope | {"type": "item.deleted"}, "i1", headers=structured)
    shop.send(CATALOG, None, key="i2", headers=binary)
    key = '{"item_id":"i3"}'
    after = {"item_id": "i3", "title": "Lamp"}
    shop.send(CATALOG, {"before": None, "after": after, "op": "c", "ts_ms": 1_772_359_200_000}, key)
    shop.send(CATALOG, {"schema": {}, "payload": {"before": None, "after": after, "op": "u"}}, key)
    shop.send(CATALOG, {"before": {"item_id": "i3"}, "after": None, "op": "d"}, key)
    shop.send(CATALOG, None, key=key)
    shop.flush()
    shop.wait_lag_zero()

    letters = [headers for headers, _ in shop.dead_letters()]
    reasons = sorted((headers["reason"], headers["message"].partition("looks like ")[2]) for headers in letters)
    change = "a change envelope: unwrap before the topic"
    assert reasons == [
        ("key_mismatch", ""),
        ("not_a_record", "a CloudEvents envelope"),
        ("not_a_record", "a CloudEvents envelope"),
        *[("not_a_record", change)] * 3,
    ]
    assert all(headers["hint"] for headers in letters)
    assert [record["trigger"]["event_id"] for record in shop.records()] == ["e1"]
    index = shop.items()
    deleted = {item for item, number in index.lookup.items() if index.deleted[number]}
    assert deleted == {"i2"} and index.cataloged[index.lookup["i1"]]
    assert not index.withdrawn[index.lookup["i3"]] and key not in index.lookup
    assert worker.stop() == 0


@pytest.mark.parametrize("stages", [("catalog,items", "profiles,narrator"), (None,)], ids=["two workers", "one"])
def test_no_answer_before_the_catalogue_is_read(shop: Shop, stages: tuple[str | None, ...]) -> None:
    """1,000 rows and 100 clicks are there before the first start: no list is empty, and every item has its title."""
    for number in range(1_000):
        row(shop, f"i{number}", categories=["a" if number % 2 else "b"])
    for number in range(100):
        click(shop, f"u{number}", f"i{number % 50}")
    shop.flush()
    for name, part in enumerate(reversed(stages)):  # those that answer start first
        shop.worker(f"w{name}", part)
    records = shop.wait_records(100, timeout=120)
    assert [record for record in records if not record["items"]] == []
    assert [
        item for record in records for item in record["items"] if item.get("title") != f"Item {item['item_id']}"
    ] == []
    for worker in shop.workers:
        worker.wait_ready()
        assert worker.stop() == 0


def test_a_catalogue_that_nobody_reads_holds_answers_back_for_a_while_only(shop: Shop) -> None:
    row(shop, "i1")
    click(shop, "u1", "i2")
    shop.flush()
    worker = shop.worker("w0", "profiles", HEADWATER_CATALOG_WAIT="3")
    wait_until(lambda: "1 records of catalog.items.v1" in worker.page("/readyz")[1], 60, worker.log)
    assert not shop.records()
    shop.wait_records(1, timeout=60)
    worker.wait_ready()
    assert "does a worker run it?" in worker.log()
    assert "was not read in time" in worker.page("/readyz")[1]
    assert worker.stop() == 0
