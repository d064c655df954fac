"""Through Kafka: withdrawn items, rejections, impressions, empty histories, odd records."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from headwater.cli.main import app
from headwater.local_kafka.broker import LocalKafka
from schemas.rejection import RejectionCode
from tests.integration.reference import assert_exact
from tests.integration.shop import Shop
from tests.integration.waiting import wait_until
from tests.integration.worker import Worker
from tests.unit.test_cases_recommender import REJECTIONS, REPEATED, TIMES, line, poison

pytestmark = pytest.mark.integration
CLICKS, SEARCHES, PURCHASES = "events.click.v1", "events.search.v1", "events.purchase.v1"
IMPRESSIONS, CATALOG = "events.impression.v1", "catalog.items.v1"


class Customers:
    """Sends events of now with ids of their own and finds the records that answer them."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self._sent = shop, 0

    def act(self, user: str, topic: str = CLICKS, event_id: str | None = None, **fields: Any) -> str:
        """One event; its id."""
        self._sent += 1
        name = event_id or f"c{self._sent}"
        event = {"event_id": name, "user_id": user, "occurred_at": int(time.time() * 1000)}
        self.shop.send(topic, event | fields)
        return name

    def item(self, item_id: str, title: str, **fields: Any) -> None:
        self.shop.send(CATALOG, {"item_id": item_id, "title": title} | fields)

    def settle(self) -> None:
        """Until all that was sent is learned, merged and answered."""
        self.shop.flush()
        self.shop.wait_lag_zero()

    def answer(self, user: str, event_id: str) -> dict[str, Any]:
        """The one record that answers an event."""
        found = [
            record
            for record in self.shop.records()
            if (record["user_id"], record["trigger"]["event_id"]) == (user, event_id)
        ]
        assert len(found) == 1, f"{len(found)} records answer {event_id} of {user}\n{self.shop.logs()}"
        return found[0]


def listed(record: dict[str, Any]) -> list[str]:
    assert [item["rank"] for item in record["items"]] == list(range(1, len(record["items"]) + 1))
    return [item["item_id"] for item in record["items"]]


def test_withdrawn_items_are_gone_with_the_next_event(shop: Shop) -> None:
    """Deleted, unavailable and expired; the list stays full; available again, what was learned is still there."""
    worker, customers = shop.worker(), Customers(shop)
    customers.item("A", "Alpha")
    customers.item("B", "Beta")
    customers.item("C", "Gamma", expires_at="2020-01-01T00:00:00Z")
    for n in range(30):
        customers.item(f"i{n}", f"Lamp {n}")
    worker.wait_ready()
    for n in range(15):
        for item in ("A", "B", f"i{n}", "C") if n % 2 else ("B", "A", f"i{n}", "C"):
            customers.act(f"fan{n}", item_id=item)
    customers.settle()
    first = [customers.act("after-a", item_id="A"), customers.act("after-b", item_id="B")]
    customers.settle()
    assert listed(customers.answer("after-a", first[0]))[0] == "B", "neighbours of each other"
    assert listed(customers.answer("after-b", first[1]))[0] == "A"

    shop.send(CATALOG, None, key="A")
    customers.item("B", "Beta", available=False)
    customers.settle()
    asked = {  # a skip is answered and leaves the last click the last
        "after-a": customers.act("after-a", item_id="i29", action="skip"),
        "after-b": customers.act("after-b", item_id="i29", action="skip"),
        "newcomer": customers.act("newcomer", item_id="i28"),
        "searcher": customers.act("searcher", SEARCHES, query="Beta"),
    }
    customers.settle()
    for user, event_id in asked.items():
        record = customers.answer(user, event_id)
        assert len(record["items"]) == 20 and not {"A", "B", "C"} & set(listed(record))
        assert all(item["reason"].get("anchor_item_id") != "A" for item in record["items"])
        assert record["text"] and "Alpha" not in record["text"] and "Gamma" not in record["text"]
        assert "Beta" not in record["text"] or record["items"][0]["reason"]["anchor_item_id"] == "B"

    customers.item("B", "Beta")
    customers.settle()
    again = {"newcomer": customers.act("newcomer", item_id="i27"), "after-a": customers.act("after-a", item_id="i26")}
    customers.settle()
    for user, event_id in again.items():
        record = customers.answer(user, event_id)
        back = record["items"][listed(record).index("B")]
        assert back["title"] == "Beta" and back["score"] > 0
        assert back["contributions"]["trending"] > 0, "its popularity was kept"
        assert not {"A", "C"} & set(listed(record))
    record = customers.answer("after-a", again["after-a"])
    assert "item_knn" in record["items"][listed(record).index("B")]["contributions"], "and its neighbours"
    assert not shop.dead_letters()


def test_rejected_items_never_return_not_even_after_a_crash_without_state(shop: Shop) -> None:
    """Dislike, hide and skip hold in every record and from the changelog; a purchase lifts one."""
    worker, customers = shop.worker(HEADWATER_ALLOW_REPEATS="true"), Customers(shop)
    for n in range(1, 15):
        customers.item(f"i{n}", f"Lamp {n}")
    worker.wait_ready()
    for n in range(100):
        customers.act(f"fan{n}", item_id="i1", action="like")
    customers.settle()
    for each in REJECTIONS:
        shop.send(CLICKS, each["value"])
    customers.settle()  # a search is in another topic, and may come first
    asked = customers.act("u1", SEARCHES, query="lamp 1")
    customers.settle()
    gone = {"e1": "i1", "e4": "i3", "e5": "i4"}
    records = {record["trigger"]["event_id"]: record for record in shop.records() if record["user_id"] == "u1"}
    assert set(records) == {"e1", "e2", "e4", "e5", "e6", asked}
    for event_id, item in gone.items():
        later = [name for name in records if name == asked or name >= event_id]
        assert all(item not in listed(records[name]) for name in later)
    before_the_eyes = "i2"
    assert set(listed(records["e6"])) == {f"i{n}" for n in range(1, 15)} - {*gone.values(), before_the_eyes}
    assert "i1" not in listed(customers.answer("u2", "e3")), "it is before the eyes"

    worker.kill()
    worker.wipe()
    worker.start()
    worker.wait_ready()
    after = [customers.act("u1", item_id="i2"), customers.act("u2", item_id="i2")]
    customers.settle()
    assert not set(gone.values()) & set(listed(customers.answer("u1", after[0])))
    assert {"i3", "i4"} <= set(listed(customers.answer("u2", after[1])))
    bought = customers.act("u1", PURCHASES, item_id="i1")
    customers.settle()
    record = customers.answer("u1", bought)
    assert not {"i1", "i3", "i4"} & set(listed(record)), "i1 was just bought"
    assert list(shop.user_states()["u1"].banned.values()) == [None, None], "and is banned no longer"
    assert_exact(shop)


@pytest.fixture(scope="module")
def counter(kafka: LocalKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Customers, Worker]]:
    """One worker for the tests that read counters; each counts what no other touches."""
    shop = Shop(kafka.bootstrap, "cases-recommender-counters", tmp_path_factory.mktemp("counters"))
    worker = shop.worker()
    worker.wait_ready()
    yield Customers(shop), worker
    shop.close()


def test_what_was_shown_and_clicked_counts_once(counter: tuple[Customers, Worker]) -> None:
    """Three impressions, one attributed click, a click-through of a third; no ban and nothing inferred."""
    customers, worker = counter
    shop = customers.shop
    for item in "abcx":
        customers.item(item, f"Lamp {item}")
    customers.settle()
    first = customers.act("u1", item_id="x")
    customers.settle()
    record = customers.answer("u1", first)
    shown = record["recommendation_id"]
    assert {"a", "b", "c"} <= set(listed(record))
    customers.act("u1", IMPRESSIONS, item_ids=["a", "b", "c", "b"], recommendation_id=shown)
    customers.act("u1", IMPRESSIONS, item_ids=["a", "b", "c"], recommendation_id=shown)
    customers.settle()
    clicks = [customers.act("u1", item_id="b", recommendation_id=shown, position=2) for _ in range(2)]
    customers.settle()
    assert worker.metric("headwater_impressions_total") == 3
    assert worker.metric("headwater_attributed_clicks_total") == 1
    wait_until(lambda: worker.metric("headwater_click_through_ratio") == pytest.approx(1 / 3), 10)
    for event_id in clicks:
        assert {"a", "c"} <= set(listed(customers.answer("u1", event_id))), "seen without a click is no ban"
    state = shop.user_states()["u1"]
    entry = next(each for each in state.shown if each.recommendation_id == shown)
    assert (entry.impressed.bit_count(), entry.clicked.bit_count(), len(state.banned)) == (3, 1, 0)
    assert all(each.impressed == 0 for each in state.shown if each is not entry)


def test_what_is_odd_is_refused_or_counted_as_validate_said(counter: tuple[Customers, Worker], tmp_path: Path) -> None:
    """The worker's dead letters are the problems that validate finds, and every clamp has its counter."""
    customers, worker = counter
    shop, now = customers.shop, int(time.time() * 1000)
    refused = [line(event_id=f"t{n}", user_id="timer", item_id="x", occurred_at=at) for n, (at, _) in enumerate(TIMES)]
    for n, each in enumerate(poison("poisoner", (1673858401132, 1e308, -1e308), 1_000_000_000, 1e300)):
        refused.append(each | {"value": each["value"] | {"event_id": f"p{n}", "occurred_at": now}})
    clipped = [line(event_id=f"r{v}", user_id="rater", item_id="x", occurred_at=now, action="rate", value=v)
               for v in (1e9, 5.5, 5, 0, -1)]  # fmt: skip
    ahead = [line(event_id="f", user_id="ahead", item_id="x", occurred_at="2099-12-31T00:00:00Z")]
    repeated = [each | {"value": each["value"] | {"user_id": f"r-{each['value']['user_id']}"}} for each in REPEATED]
    lines = [*refused, *clipped, *ahead, *repeated]
    path = tmp_path / "odd.jsonl"
    path.write_text("".join(f"{json.dumps(each)}\n" for each in lines))
    said = CliRunner().invoke(app, ["validate", str(path), "--show", "100"]).stdout
    before = len(shop.dead_letters())
    shop.send_lines(lines)
    customers.settle()

    verdicts = {}
    for text in said.splitlines():
        if text.startswith("line "):
            number, code = text.removeprefix("line ").split(": ")[:2]
            verdicts[json.dumps(lines[int(number) - 1]["value"]).encode()] = code
    letters = {value: headers["reason"] for headers, value in shop.dead_letters()[before:]}
    assert letters == verdicts and len(verdicts) == 13 + 4
    assert list(verdicts.values()).count(RejectionCode.OUT_OF_RANGE) == 4
    assert worker.metric("headwater_events_total", outcome="duplicate") == 1
    assert worker.metric("headwater_event_id_collisions_total") == 1
    assert worker.metric("headwater_clamped_times_total") == 1
    assert worker.metric("headwater_clipped_ratings_total") == 3

    states = shop.user_states()
    assert (states["r-u1"].learned, states["r-u2"].learned) == (4, 1)
    answered = [r for r in shop.records() if r["user_id"] == "r-u1"]
    assert [record["trigger"]["event_id"] for record in answered] == ["e1", "e1", "e2", "e3"]
    assert len({record["recommendation_id"] for record in answered}) == 4
    assert abs(states["ahead"].recent_times[0] - now) < 60_000
    assert customers.answer("ahead", "f")["created_at"] < "2099"


def test_almost_nothing_is_known(shop: Shop) -> None:
    """No catalogue, no events, no row, no words, no history: a record with its source said, or a written rule."""
    worker, customers = shop.worker(), Customers(shop)
    worker.wait_ready()
    a = customers.act("u1", SEARCHES, query="green tea")
    customers.settle()
    record = customers.answer("u1", a)
    assert (record["items"], record["source"], record["text"]) == ([], "trending", "")

    for n, title in enumerate(("Oolong", "Kettle", "Green Tea", "Tea Cup Blue", "Lamp")):
        customers.item(f"i{n}", title)
    customers.settle()
    b = customers.act("u1", SEARCHES, query="green tea")
    c = customers.act("u2", item_id="nowhere")
    customers.act("u3", SEARCHES, query="")
    d = customers.act("u3", SEARCHES, query="🍵🍰👍🏽")
    e = customers.act("u4", IMPRESSIONS, item_ids=["i1", "i2"])
    customers.settle()
    record = customers.answer("u1", b)
    first = record["items"][0]
    assert record["source"] == "search" and (first["item_id"], first["rank"]) == ("i2", 1)
    assert first["reason"] == {"kind": "search_match", "query": "green tea"}
    assert len(record["items"]) == 5
    record = customers.answer("u2", c)
    assert record["source"] == "session" and set(listed(record)) == {f"i{n}" for n in range(5)}
    record = customers.answer("u3", d)
    assert record["source"] == "trending" and len(record["items"]) >= 5
    assert "u4" not in {record["user_id"] for record in shop.records()}, e
    assert shop.user_states()["u4"].impressions == 1
    assert shop.dead_letters() == [], "a search for nothing is ignored"
