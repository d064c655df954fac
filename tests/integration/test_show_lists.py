"""The page of docs/examples/show_lists.py shows a user's latest list, and nothing of it can leave its place."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from streams.topology import CLICK
from tests.integration.examples import load_example
from tests.integration.shop import Shop
from tests.integration.waiting import wait_until

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def example() -> ModuleType:
    return load_example("show_lists")


@pytest.fixture
def lists(example: ModuleType) -> Any:
    return example.Lists()


@pytest.fixture
def url(example: ModuleType, lists: Any) -> Iterator[str]:
    with example.server(lists, 0) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def record(user: str, created_at: str, title: str | None = "Tea", text: str = "For you: tea.") -> dict[str, Any]:
    item = {"item_id": "i1", "reason": {"kind": "trending"}} | ({} if title is None else {"title": title})
    return {"user_id": user, "created_at": created_at, "items": [item], "text": text}


def page(url: str, user: str) -> str:
    with urllib.request.urlopen(f"{url}/?user={user}", timeout=10) as answer:
        return str(answer.read().decode())


def test_the_later_record_stays(url: str, lists: Any) -> None:
    assert "Nothing to recommend yet" in page(url, "anna")
    lists.take(record("anna", "2026-03-01T10:00:01.000Z", "Pot"))
    lists.take(record("anna", "2026-03-01T10:00:00.000Z", "Tea"))
    assert "<li" in page(url, "anna") and "Pot" in page(url, "anna") and "Tea" not in page(url, "anna")
    assert "Nothing to recommend yet" in page(url, "bob")


def test_all_text_is_escaped(example: ModuleType) -> None:
    evil = "</li><script>alert('&')</script>"
    html = example.as_html(record("anna", "t", evil, f'You searched "{evil}"') | {"text_direction": '"><script>'})
    assert "<script" not in html and html.count("<li") == 1 and "&lt;script&gt;" in html


def test_an_item_without_a_title_shows_its_id(example: ModuleType) -> None:
    assert ">i1</li>" in example.as_html(record("anna", "t", None))


def test_memory_is_bounded(example: ModuleType, lists: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(example, "KEPT_USERS", 2)
    for user in ("a", "b", "c", "b", "d"):
        lists.take(record(user, "t"))
    assert [lists.of(user) is not None for user in "abcd"] == [False, True, False, True]


def test_the_next_list_comes_by_itself(url: str, lists: Any) -> None:
    with urllib.request.urlopen(f"{url}/events?user=anna", timeout=10) as stream:
        assert "Nothing" in json.loads(stream.readline().removeprefix(b"data: "))
        assert stream.readline() == b"\n"
        lists.take(record("anna", "t", "Pot"))
        assert "Pot" in json.loads(stream.readline().removeprefix(b"data: "))


def test_it_shows_what_a_worker_writes(shop: Shop, example: ModuleType, lists: Any) -> None:
    worker = shop.worker()
    worker.wait_ready()
    for n in range(3):
        shop.send("catalog.items.v1", {"item_id": f"p{n}", "title": f"Pot & pan {n}"})
    shop.flush()
    shop.wait_lag_zero()
    stopped = threading.Event()
    reader = threading.Thread(target=example.consume, args=(shop.brokers, shop.namespace, lists, stopped))
    reader.start()
    try:
        now = int(time.time() * 1000)
        shop.send(CLICK.suffix, {"event_id": "e1", "user_id": "anna", "item_id": "p0", "occurred_at": now})
        shop.flush()
        wait_until(lambda: lists.of("anna") is not None, 30, shop.logs)
    finally:
        stopped.set()
        reader.join()
    html = example.as_html(lists.of("anna"))
    assert "Pot &amp; pan 1" in html and "Pot &amp; pan 2" in html
    assert worker.stop() == 0
