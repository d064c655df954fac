"""A language model that hangs, raises, dies, is missing or writes junk, in a whole worker.

Whatever it does: every event is answered once, in time, by frame or template; learning and the group do not notice; the
metrics say what is wrong, and the worker stays healthy and ready.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.backends import GOOD_CLAUSE
from tests.integration.load import Load
from tests.integration.reference import assert_exact
from tests.integration.shop import Shop
from tests.integration.waiting import wait_until
from tests.integration.worker import SPEEDY, Worker

pytestmark = pytest.mark.integration
DEADLINE = 1.0
MARGIN = 1.5  # seconds behind the deadline, for the way through two topics on a busy machine
RATE = 50.0
MANY = 3_000
ENOUGH = 150
GENRES = ("Drama", "Comedy", "Western", "Horror")
TITLES = [
    f"{first} {second}" for first in ("Silver", "Paper", "Quiet", "Winter") for second in ("Harbor", "Road", "Lantern")
]


def catalog() -> list[dict[str, Any]]:
    rows = [
        {"item_id": f"film-{n}", "title": title, "categories": [GENRES[n % len(GENRES)]]}
        for n, title in enumerate(TITLES)
    ]
    return [{"topic": "catalog.items.v1", "value": row} for row in rows]


def lines() -> list[dict[str, Any]]:
    """Clicks and purchases of thirty people."""
    rng, made = random.Random(19), []
    for number in range(MANY):
        kind = rng.choice(("click", "click", "purchase"))
        value = {
            "event_id": f"e{number}",
            "user_id": f"user-{rng.randrange(30)}",
            "item_id": f"film-{rng.randrange(len(TITLES))}",
            "occurred_at": int(time.time() * 1000),
        }
        made.append({"topic": f"events.{kind}.v1", "value": value})
    return made


class Watch:
    """What must hold at any moment while the model misbehaves."""

    def __init__(self, worker: Worker, load: Load) -> None:
        self.worker, self.load = worker, load
        self.rebalances = worker.metric("headwater_rebalances_total")

    def learned(self) -> float:
        return self.worker.metric("headwater_events_total", outcome="learned") or 0.0

    def look(self) -> None:
        sent = self.load.sent
        wait_until(
            lambda: sent - self.learned() <= RATE,
            MARGIN,
            lambda: f"learning is {sent - self.learned():.0f} events behind",
        )
        live, page = self.worker.page("/healthz")
        turned = re.search(r"last turn ([\d.]+) s ago", page)
        assert live == 200 and turned and float(turned[1]) < 3.0, page
        ready, page = self.worker.page("/readyz")
        assert ready == 200, page
        assert self.worker.metric("headwater_rebalances_total") == self.rebalances, "the group was shared out anew"


def state(worker: Worker) -> str:
    states = ("none", "loading", "ready", "restarting", "broken")
    return next(name for name in states if worker.metric("headwater_model_state", state=name))


def failures(worker: Worker, kind: str) -> float:
    return worker.metric("headwater_model_failures_total", kind=kind) or 0.0


def start(shop: Shop, backend: str, settled: str, deadline: float = DEADLINE) -> Worker:
    """A ready worker whose model is ``settled`` and whose index has the catalogue."""
    worker = shop.worker(
        HEADWATER_MODEL_BACKEND=f"tests.backends:{backend}",
        HEADWATER_DOMAIN="film",
        HEADWATER_LIVE_SHARE="1",
        HEADWATER_DRAFT_DEADLINE=str(deadline),
    )
    shop.send_lines(catalog())
    worker.wait_ready()
    wait_until(lambda: state(worker) == settled, 20, lambda: state(worker))
    wait_until(lambda: worker.metric("headwater_index_items") == len(TITLES), 20)
    return worker


def serve(shop: Shop, worker: Worker, shown: Callable[[], bool]) -> list[dict[str, Any]]:
    """Events until the metrics have ``shown`` what is wrong, and the records that answer them."""
    load = Load(shop, lines(), RATE)
    watch = Watch(worker, load)

    def seen() -> bool:
        watch.look()
        return load.sent >= ENOUGH and shown()

    wait_until(seen, 40, lambda: f"state {state(worker)}\n{shop.logs()}")
    load.halt()
    shop.wait_lag_zero()
    watch.look()
    assert assert_exact(shop).repeated == 0, "every event is answered exactly once"
    return shop.records()


def assert_in_time(shop: Shop, records: list[dict[str, Any]]) -> None:
    """No record comes later than the deadline allows, by its own figures and by the broker's clock."""
    sent = {
        (message.topic(), message.partition(), message.offset()): message.timestamp()[1] / 1000
        for suffix in ("events.click.v1", "events.purchase.v1")
        for message in shop.read(suffix)
    }
    delays = []
    for record in records:
        trigger = record["trigger"]
        at = sent[trigger["topic"], trigger["partition"], trigger["offset"]]
        delays.append(datetime.fromisoformat(record["created_at"]).timestamp() - at)
        assert 0 <= record["latency_ms"]["total"] / 1000 <= DEADLINE + MARGIN
    assert max(delays) <= DEADLINE + MARGIN, f"{max(delays):.2f} s"
    assert float(np.median(delays)) < 0.5 * DEADLINE, "only drafts wait for the model"


def assert_honest(records: list[dict[str, Any]], sources: set[str]) -> None:
    """Every list has a text, and says who wrote it."""
    full = [record for record in records if record["items"]]
    assert len(full) > ENOUGH / 2 and all(record["text"] for record in full)
    assert {record["text_source"] for record in records} <= sources
    for record in records:
        assert (record["language_model"] == "good-test-model") == (record["text_source"] == "llm")


def end(worker: Worker) -> None:
    """A clean end, in time, whatever the model is at."""
    children = (Path("/proc") / str(worker.pid) / "task" / str(worker.pid) / "children").read_text().split()
    assert worker.stop() == 0
    wait_until(lambda: not any((Path("/proc") / child).exists() for child in children), 5)


FAULTY = {"frame", "template"}


def test_a_hanging_model_stalls_nothing(shop: Shop) -> None:
    """It blocks its thread at every call; learning, the group and the event loop go on; it is killed and named."""
    worker = start(shop, "Hanging", "ready")
    records = serve(shop, worker, lambda: failures(worker, "hang") >= 1)
    assert_in_time(shop, records)
    assert_honest(records, FAULTY)
    assert worker.metric("headwater_drafts_admitted_total")
    assert worker.metric("headwater_deadline_misses_total")
    end(worker)


@pytest.mark.faults
def test_a_model_that_hangs_with_much_in_line(shop: Shop) -> None:
    """It was quick, so nearly every record is a draft; all partitions' drafts are in time when it hangs."""
    worker = start(shop, "HangingLater", "ready")
    records = serve(shop, worker, lambda: failures(worker, "hang") >= 1)
    assert all(record["latency_ms"]["total"] / 1000 <= DEADLINE + MARGIN for record in records)
    assert_honest(records, FAULTY | {"llm"})
    admitted = worker.metric("headwater_drafts_admitted_total")
    assert admitted and admitted > ENOUGH / 2
    end(worker)


@pytest.mark.faults
def test_a_deadline_longer_than_the_session(shop: Shop) -> None:
    """A worker that waits for a hanging model for longer than the session timeout is not taken for a frozen process."""
    deadline = float(SPEEDY["HEADWATER_SESSION_TIMEOUT"]) + 2
    worker = start(shop, "Hanging", "ready", deadline)
    records = serve(shop, worker, lambda: bool(worker.metric("headwater_deadline_misses_total")))
    assert max(record["latency_ms"]["total"] / 1000 for record in records) <= deadline + MARGIN
    assert_honest(records, FAULTY)
    end(worker)


def test_a_raising_model_opens_the_circuit(shop: Shop) -> None:
    """Three errors in a row, then it is left alone for a while."""
    worker = start(shop, "Raising", "ready")
    records = serve(shop, worker, lambda: state(worker) == "broken")
    assert failures(worker, "error") >= 3
    assert_in_time(shop, records)
    assert_honest(records, FAULTY)
    assert worker.metric("headwater_drafts_admitted_total")
    assert "out of memory, says the model" in worker.log()
    end(worker)


def test_junk_is_never_shown(shop: Shop) -> None:
    """What the checker refuses is counted by rule, and the frame takes its place."""
    worker = start(shop, "Junk", "ready")
    records = serve(shop, worker, lambda: bool(worker.metric("headwater_checker_rejections_total", rule="claim")))
    assert_in_time(shop, records)
    assert_honest(records, FAULTY)
    assert not [record["text"] for record in records if re.search(r"Oscar|http|[{}<>]|best|\u202e", record["text"])]
    end(worker)


@pytest.mark.faults
def test_a_dying_model_is_started_again_and_left_alone(shop: Shop) -> None:
    """It takes its process down at every request; the worker goes on without it."""
    worker = start(shop, "Dying", "ready")
    records = serve(shop, worker, lambda: failures(worker, "crash") >= 3 and state(worker) == "broken")
    assert_in_time(shop, records)
    assert_honest(records, FAULTY)
    end(worker)


@pytest.mark.faults
@pytest.mark.parametrize(("backend", "shown"), [("Missing", "broken"), ("HangingInLoad", "loading")])
def test_a_model_that_never_comes(shop: Shop, backend: str, shown: str) -> None:
    """No draft is made for it, and the worker is ready all the same."""
    worker = start(shop, backend, shown)
    records = serve(shop, worker, lambda: state(worker) == shown)
    assert_in_time(shop, records)
    assert_honest(records, FAULTY)
    assert worker.metric("headwater_drafts_admitted_total") == 0
    assert failures(worker, "unavailable") == (backend == "Missing")
    end(worker)


def test_a_narrator_apart(shop: Shop) -> None:
    """A worker without a model hands drafts to one that does nothing but write."""
    film = {"HEADWATER_DOMAIN": "film"}  # there is no live text of other domains
    narrator = shop.worker("n0", "narrator", HEADWATER_MODEL_BACKEND="tests.backends:Good", **film)
    worker = shop.worker(
        "w0", "profiles,items,catalog", HEADWATER_NARRATOR_RATE="1000", HEADWATER_LIVE_SHARE="1", **film
    )
    shop.send_lines(catalog())
    worker.wait_ready()
    narrator.wait_ready()
    wait_until(lambda: state(narrator) == "ready", 20, lambda: state(narrator))
    wait_until(lambda: worker.metric("headwater_index_items") == len(TITLES), 20)
    Load(shop, lines()[:ENOUGH], RATE).join()  # no burst: admission takes few of those
    shop.wait_lag_zero()
    assert assert_exact(shop).repeated == 0
    records = shop.records()
    assert_honest(records, FAULTY | {"llm"})
    assert sum(record["text_source"] == "llm" for record in records) >= 10
    assert state(worker) == "none"
    for each in (worker, narrator):
        assert each.stop() == 0


def test_a_good_model_writes(shop: Shop) -> None:
    """The counter-test: the same events, a model that works, its text in the records."""
    worker = start(shop, "Good", "ready")
    records = serve(shop, worker, lambda: (worker.metric("headwater_texts_total", text_source="llm") or 0) > ENOUGH / 2)
    assert_in_time(shop, records)
    assert_honest(records, FAULTY | {"llm"})
    live = [record for record in records if record["text_source"] == "llm"]
    assert len(live) > ENOUGH / 2 and all(record["text"].endswith(GOOD_CLAUSE) for record in live)
    assert state(worker) == "ready" and worker.metric("headwater_model_failures_total") == 0
    assert worker.metric("headwater_deadline_misses_total") == 0
    end(worker)
