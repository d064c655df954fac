"""Replayed histories, events that come too late, and topics that nobody reads: nothing is left out in silence."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from headwater.cli.main import app
from streams.stages.event_time import ARRIVED_HEADER
from tests.integration.shop import Shop
from tests.integration.waiting import wait_until
from tests.integration.worker import Worker

pytestmark = pytest.mark.integration
CLICKS, CATALOG = "events.click.v1", "catalog.items.v1"
YEAR_MS = 365 * 86_400_000
BUSY, OTHERS = 5_000, 500


def now_ms() -> int:
    return int(time.time() * 1000)


def click(event_id: str, user: str, item: str, at: int, **line: Any) -> dict[str, Any]:
    return {
        "topic": CLICKS,
        "value": {"event_id": event_id, "user_id": user, "item_id": item, "occurred_at": at},
    } | line


def a_busy_year(stamped: bool) -> list[dict[str, Any]]:
    """One user's clicks, evenly over a year, and a click of each of many others; in order of time."""
    end = now_ms() - 3_600_000
    places = [("guest", n, end - YEAR_MS + n * YEAR_MS // BUSY) for n in range(BUSY)]
    places += [(f"u{n}", BUSY + n, end - YEAR_MS + n * YEAR_MS // OTHERS) for n in range(OTHERS)]
    lines = []
    for user, n, at in sorted(places, key=lambda place: place[2]):
        lines.append(click(f"e{n}", user, f"i{n % 200}", at, **({"timestamp": at} if stamped else {})))
    return lines


def write(path: Path, lines: list[dict[str, Any]]) -> str:
    text = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return str(path)


@pytest.fixture(autouse=True)
def environment(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line's: the shop's namespace and broker."""
    more = {"HEADWATER_BROKERS": shop.brokers, "HEADWATER_NAMESPACE": shop.namespace, "HEADWATER_HTTP_PORT": "1"}
    for name, value in (shop.partition_env | more | {"HEADWATER_MODEL_BACKEND": "none"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HEADWATER_STATE_DIR", str(shop.folder))


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def events(worker: Worker, outcome: str) -> float | None:
    return worker.metric("headwater_events_total", topic=CLICKS, outcome=outcome)


def unanswered(worker: Worker, cause: str) -> float | None:
    return worker.metric("headwater_too_old_events_total", topic=CLICKS, cause=cause)


# ---- a history is no rush
@pytest.mark.parametrize("stamped", [True, False], ids=["with timestamps", "without"])
def test_a_busy_year_is_learned_in_whole_and_as_evaluate_does(shop: Shop, tmp_path: Path, stamped: bool) -> None:
    """Also while its user is there: live events before and after are answered as always."""
    worker = shop.worker()
    worker.wait_ready()
    shop.send(CLICKS, click("before", "guest", "i1", now_ms())["value"])
    shop.flush()
    shop.wait_lag_zero()
    file = write(tmp_path / "guest.jsonl.gz", a_busy_year(stamped))
    result = invoke("replay", file, *([] if stamped else ["--history"]))
    assert result.exit_code == 0, result.output
    assert "Sent 5,500 records" in result.stdout
    assert "5,500 events came more than 300 s ago (HEADWATER_MAX_EVENT_AGE): they are learned, but not answered" in (
        result.stderr
    )
    shop.send(CLICKS, click("after", "guest", "i2", now_ms())["value"])
    shop.flush()
    shop.wait_lag_zero(120)

    assert events(worker, "learned") == BUSY + OTHERS + 2
    assert events(worker, "rate_limited") == 0
    assert unanswered(worker, "again") == BUSY + OTHERS and unanswered(worker, "late") == 0
    assert {record["trigger"]["event_id"] for record in shop.records()} == {"before", "after"}
    assert "HEADWATER_MAX_EVENT_AGE" not in worker.log(), "a history is old on purpose"
    assert shop.user_states()["guest"].learned == BUSY + 2
    evaluated = invoke("evaluate", file, "--json")
    assert json.loads(evaluated.stdout)["events"] == BUSY + OTHERS
    assert worker.stop() == 0


def test_a_history_stays_in_the_topic_until_it_is_read(shop: Shop, tmp_path: Path) -> None:
    """Kafka removes records by their Kafka timestamp: that is the time of sending. The line's own time goes along."""
    lines = a_busy_year(True)[:20]
    begun = now_ms()
    assert invoke("replay", write(tmp_path / "f", lines)).exit_code == 0
    messages = {json.loads(m.value())["event_id"]: m for m in shop.read(CLICKS)}
    assert len(messages) == 20
    for line in lines:
        message = messages[line["value"]["event_id"]]
        assert begun <= message.timestamp()[1] <= now_ms()
        assert dict(message.headers()) == {ARRIVED_HEADER: str(line["timestamp"]).encode()}


def test_a_file_without_timestamps_comes_now_and_is_answered(shop: Shop, tmp_path: Path) -> None:
    """More than one user may send in a minute, and old by `occurred_at`: said, with the option that differs."""
    limit = 50
    worker = shop.worker(HEADWATER_USER_EVENTS_PER_MINUTE=str(limit))
    worker.wait_ready()
    lines = a_busy_year(False)[:200]
    result = invoke("replay", write(tmp_path / "f", lines))
    assert result.exit_code == 0
    assert "200 events occurred more than 300 s ago and are answered all the same" in result.stderr
    assert "--history" in result.stderr
    shop.wait_records(200)
    stamped = [line | {"timestamp": line["value"]["occurred_at"]} for line in a_busy_year(False)[200:300]]
    assert "answered" not in invoke("replay", write(tmp_path / "g", stamped), "--live").stderr
    shop.wait_records(300)
    assert events(worker, "learned") == 300 and events(worker, "rate_limited") == 0
    assert worker.stop() == 0


def test_a_live_rush_is_limited_whatever_its_events_say_of_their_time(shop: Shop) -> None:
    """5,000 clicks within a minute that claim to be of a whole year."""
    worker = shop.worker()
    worker.wait_ready()
    at = now_ms()
    for n in range(5_000):
        shop.send(CLICKS, click(f"e{n}", "heavy", f"i{n % 200}", at - n * 6_000_000)["value"], timestamp=at)
    shop.flush()
    shop.wait_lag_zero(120)
    assert events(worker, "learned") == 3_000 and events(worker, "rate_limited") == 2_000
    assert worker.stop() == 0


def test_live_and_history_exclude_each_other(tmp_path: Path) -> None:
    result = invoke("replay", write(tmp_path / "f", a_busy_year(True)[:1]), "--live", "--history")
    assert result.exit_code == 2 and "--history" in result.stderr


# ---- other namespaces
def test_lines_of_other_namespaces_stay_out(shop: Shop, tmp_path: Path) -> None:
    own = shop.namespace
    at = now_ms()
    lines = [
        {"topic": f"{own}.{CATALOG}", "value": {"item_id": "p1", "title": "Mug of shop A"}},
        {"topic": f"shop-b.{CATALOG}", "value": {"item_id": "p1", "title": "Secret of shop B"}},
        {"topic": f"shop-b.{CATALOG}", "key": "p2", "value": None},
        click("e1", "u1", "p1", at) | {"topic": f"staging.{CLICKS}"},
        click("e2", "u2", "p1", at),
    ]
    file = write(tmp_path / "dump.jsonl", lines)
    shop.send(CATALOG, {"item_id": "p2", "title": "Pot"})
    shop.flush()
    for options in ((), ("--raw",)):
        result = invoke("replay", file, *options)
        assert result.exit_code == 1
        for number, other in ((2, "shop-b"), (3, "shop-b"), (4, "staging")):
            assert f"line {number}: other_namespace: the line belongs to namespace '{other}'" in result.stderr
        assert "3 lines belong to other namespaces" in result.stderr
    assert {json.loads(m.value())["title"] for m in shop.read(CATALOG)} == {"Pot", "Mug of shop A"}
    assert {m.key() for m in shop.read(CLICKS)} == {b"u2"}
    moved = invoke("replay", file, "--from-namespace", "shop-b", "--from-namespace", "staging")
    assert moved.exit_code == 0
    last = {m.key(): m.value() for m in shop.read(CATALOG)}
    assert b"Secret" in last[b"p1"] and last[b"p2"] is None
    assert {m.key() for m in shop.read(CLICKS)} == {b"u1", b"u2"}


# ---- events that come too late to be answered
def send_clicks(shop: Shop, count: int, at: int, name: str) -> None:
    for n in range(count):
        shop.send(CLICKS, click(f"{name}{n}", f"{name}{n}", f"i{n % 7}", at)["value"], timestamp=at)
    shop.flush()


def doctor(worker: Worker) -> tuple[int, str]:
    port = worker.url.rpartition(":")[2]
    done = subprocess.run(
        [sys.executable, "-m", "headwater.cli.main", "doctor"],
        env=worker.env | {"HEADWATER_HTTP_PORT": port, "HEADWATER_HTTP_HOST": "127.0.0.1"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_what_a_slow_clock_sends_is_counted_and_said(shop: Shop) -> None:
    worker = shop.worker()
    worker.wait_ready()
    send_clicks(shop, 50, now_ms() - 600_000, "late")
    send_clicks(shop, 50, now_ms(), "good")
    shop.wait_records(50)
    shop.wait_lag_zero()
    assert events(worker, "learned") == 100
    assert unanswered(worker, "late") == 50
    assert all(record["user_id"].startswith("good") for record in shop.records())
    (line,) = [line for line in worker.log().splitlines() if "HEADWATER_MAX_EVENT_AGE" in line]
    assert CLICKS in line and "600 s old" in line
    status, out = doctor(worker)
    assert status == 0 and f"warning  answers: 50 events of {CLICKS}" in out
    assert worker.stop() == 0


def test_a_worker_whose_clock_is_ahead_is_found_by_doctor(shop: Shop, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    mark.touch()
    worker = shop.faulty_worker("ahead", mark)
    send_clicks(shop, 50, now_ms(), "true")
    shop.wait_lag_zero()
    assert events(worker, "learned") == 50 and not shop.records()
    assert unanswered(worker, "late") == 50
    status, out = doctor(worker)
    assert status == 1 and "no event at all was answered" in out and "clocks" in out
    worker.kill()


# ---- topics that nobody reads
def wait_unread(worker: Worker, records: int) -> None:
    wait_until(lambda: worker.metric("headwater_unread_records", stage="catalog") == records, 90, worker.log)


def test_a_stage_that_runs_nowhere_is_shown_by_the_others(shop: Shop) -> None:
    """By every worker's metrics and by doctor, with the number that waits; and no longer once it runs."""
    workers = [shop.worker(name, stages="profiles,items,narrator") for name in ("w0", "w1")]
    for worker in workers:
        worker.wait_ready()
    for n in range(100):
        shop.send(CATALOG, {"item_id": f"p{n}", "title": "Tea"})
    send_clicks(shop, 20, now_ms(), "u")
    for worker in workers:
        wait_unread(worker, 100)
        assert worker.metric("headwater_unread_records") == 100, "the other stages run"
    assert sum(worker.metric("headwater_empty_lists_total", cause="no_items") or 0 for worker in workers) > 0
    status, out = doctor(workers[0])
    assert status == 1
    assert f"{shop.namespace}.catalog has no member: 100 records of {CATALOG} wait and nobody reads them" in out
    assert "headwater worker --stages catalog" in out
    missing = shop.worker("w2", stages="catalog")
    missing.wait_ready()
    shop.wait_lag_zero()
    wait_unread(workers[0], 0)
    missing.kill()
    for n in range(50):
        shop.send(CATALOG, {"item_id": f"q{n}", "title": "Tea"})
    shop.flush()
    wait_unread(workers[0], 50)
    status, out = doctor(workers[0])
    assert status == 1 and f"50 records of {CATALOG} wait" in out
    assert all(worker.stop() == 0 for worker in workers)
