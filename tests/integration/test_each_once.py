"""The reader of docs/examples/each_once.py sees every answer once, whatever a killed worker repeats."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest

from streams.topology import CLICK
from tests.integration.examples import load_example
from tests.integration.shop import Shop, by_id
from tests.integration.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.faults]
USERS, CLICKS = 10, 40


@pytest.fixture(scope="module")
def example() -> ModuleType:
    return load_example("each_once")


def send_clicks(shop: Shop, numbers: range) -> None:
    for n in numbers:
        value = {"event_id": f"e{n}", "user_id": f"u{n % USERS}", "item_id": f"i{n % 7}"}
        shop.send(CLICK.suffix, value | {"occurred_at": "2026-03-01T10:00:00Z"})
    shop.flush()


@contextmanager
def reading(shop: Shop, read: Callable[..., None]) -> Iterator[list[str]]:
    """Ids that a reader of the group has handled so far; it leaves its group at the end."""
    handled: list[str] = []
    stop = threading.Event()

    def handle(record: dict[str, Any]) -> None:
        handled.append(record["recommendation_id"])

    reader = threading.Thread(target=read, args=(shop.brokers, shop.namespace, "page", handle, stop.is_set))
    reader.start()
    try:
        yield handled
    finally:
        stop.set()
        reader.join()


def test_every_answer_is_seen_once_though_a_killed_worker_repeats_it(shop: Shop, example: ModuleType) -> None:
    """A restarted reader knows what the one before it has handled, and does not handle it again."""
    worker = shop.worker(HEADWATER_CHECKPOINT_INTERVAL="60")  # nothing is committed before the kill: all is repeated
    worker.wait_ready()
    send_clicks(shop, range(CLICKS))
    with reading(shop, example.read) as first:
        wait_until(lambda: len(first) >= CLICKS, 30, shop.logs)
    worker.kill()
    worker.start()
    with reading(shop, example.read) as second:
        wait_until(lambda: len(shop.records()) >= 2 * CLICKS, 30, shop.logs)
        send_clicks(shop, range(CLICKS, CLICKS + USERS))  # behind the repeated ones, in each of their partitions
        wait_until(lambda: len(second) >= USERS, 30, shop.logs)
    written = by_id(shop.records())
    assert Counter(written.values()) == {2: CLICKS, 1: USERS}
    assert Counter(first + second) == dict.fromkeys(written, 1)
    assert worker.stop() == 0
