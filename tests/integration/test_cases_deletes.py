"""Null values: deletions in the catalogue, dead letters among the events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headwater.local_kafka.broker import LocalKafka
from streams.topology import CATALOG_ITEMS, CLICK, ITEM_STATE
from tests.integration.shop import Shop
from tests.integration.waiting import wait_until
from tests.integration.worker import Worker

pytestmark = pytest.mark.integration
OTHERS = [f"other-{n}" for n in range(5)]


def click(shop: Shop, event_id: str, user: str, item: str) -> None:
    value = {"event_id": event_id, "user_id": user, "item_id": item, "occurred_at": "2026-03-01T10:00:00Z"}
    shop.send(CLICK.suffix, value)
    shop.flush()


def answer(shop: Shop, event_id: str) -> dict[str, Any]:
    """The record that answers the event."""
    found: list[dict[str, Any]] = []

    def answered() -> bool:
        found[:] = [record for record in shop.records() if record["trigger"]["event_id"] == event_id]
        return bool(found)

    wait_until(answered, 30, shop.logs)
    return found[0]


def item_ids(record: dict[str, Any]) -> set[str]:
    return {item["item_id"] for item in record["items"]}


def assert_i1_is_gone(shop: Shop, worker: Worker) -> None:
    index = shop.items()
    assert index.deleted[index.lookup["i1"]] and not index.cataloged[index.lookup["i1"]]
    assert "never-existed" not in {
        (message.key() or b"").decode(errors="replace") for message in shop.read(ITEM_STATE.suffix)
    }
    assert not worker.exited


def test_null_values_delete_items_and_are_no_events(kafka: LocalKafka, namespace: str, tmp_path: Path) -> None:
    """The item goes and stays away, the null event is one dead letter, restoring from nothing works."""
    shop = Shop(kafka.bootstrap, namespace, tmp_path, partitions=1)
    worker = shop.worker()
    try:
        worker.wait_ready()
        for item in OTHERS:
            shop.send(CATALOG_ITEMS.suffix, {"item_id": item, "title": f"Title of {item}"})
        shop.send(CATALOG_ITEMS.suffix, {"item_id": "i1", "title": "Green Tea"})
        shop.flush()
        wait_until(lambda: "i1" in shop.items().lookup, 30, shop.logs)
        click(shop, "e0", "u2", OTHERS[0])
        assert "i1" in item_ids(answer(shop, "e0")), "it is recommended while it is there"

        shop.send(CATALOG_ITEMS.suffix, None, key="i1")
        shop.send(CATALOG_ITEMS.suffix, None, key="never-existed")
        shop.flush()
        wait_until(lambda: bool(shop.items().deleted[shop.items().lookup["i1"]]), 30, shop.logs)
        shop.send(CLICK.suffix, None, key="u1")
        click(shop, "e1", "u1", "i1")
        assert "i1" not in item_ids(answer(shop, "e1"))
        shop.wait_lag_zero()

        ((headers, value),) = shop.dead_letters()
        assert value in (None, b"") and headers["null-value"] == "true"
        place = (headers["source-topic"], headers["source-partition"], headers["source-offset"])
        assert place == (shop.topic(CLICK.suffix), "0", "1")
        assert (headers["stage"], headers["reason"]) == ("profiles", "null_value")
        assert worker.metric("headwater_dead_letters_total", reason="null_value") == 1
        assert_i1_is_gone(shop, worker)
        assert shop.user_states()["u1"].clicks == 1, "the late click was learned"

        assert worker.stop() == 0
        worker.wipe()
        worker.start()
        worker.wait_ready()
        for n, user in enumerate(("u1", "u2", "u3")):
            click(shop, f"late{n}", user, OTHERS[1])
            listed = item_ids(answer(shop, f"late{n}"))
            assert listed and "i1" not in listed
        shop.wait_lag_zero()
        assert_i1_is_gone(shop, worker)
        assert len(shop.dead_letters()) == 1
        assert shop.user_states()["u1"].clicks == 2
        assert worker.stop() == 0
    finally:
        shop.close()
