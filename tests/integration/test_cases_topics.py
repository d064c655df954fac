"""Topics that were deleted and created again, and local stores that are ahead of their topic."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import rocksdict
from confluent_kafka.admin import NewPartitions

from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from streams.broker.brokers import Brokers
from streams.broker.incarnations import known_ids, record_ids
from streams.broker.update_messages import MAX_EPOCHS
from streams.topology import (
    CATALOG_ITEMS,
    CATALOG_STATE,
    CLICK,
    ITEM_STATE,
    ITEM_UPDATES,
    RECOMMENDATIONS,
    USER_STATE,
    Topic,
)
from tests.integration.reference import assert_exact, facts
from tests.integration.shop import Shop
from tests.integration.worker import ROOT, Worker

# One user partition: offsets of a topic are one row of numbers.
pytestmark = [pytest.mark.integration, pytest.mark.user_partitions(1)]


def send_clicks(shop: Shop, prefix: str, count: int, users: int = 1, first: int = 1) -> None:
    for n in range(count):
        click = {
            "event_id": f"{prefix}{n}",
            "user_id": f"u{n % users + first}",
            "item_id": f"i{n * 7 % 23}",
            "occurred_at": "2026-03-01T10:00:00Z",
        }
        shop.send(CLICK.suffix, click)
    shop.flush()


def recreate(shop: Shop, suffix: str) -> None:
    shop.delete_topic(suffix)
    shop.create_topic(suffix)


def accept(shop: Shop, worker: Worker, suffix: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "headwater.cli.main", "topics", "accept", shop.topic(suffix)]
    return subprocess.run(
        command, cwd=ROOT, env=worker.env | env, capture_output=True, text=True, timeout=60, check=False
    )


def assert_refused(shop: Shop, worker: Worker, suffix: str, code: int = 2) -> None:
    """The worker ends with ``code``; its last line names the topic and the command."""
    assert worker.wait(60) == code, worker.log()[-3000:]
    last = worker.log().rstrip().splitlines()[-1]
    assert f"headwater topics accept {shop.topic(suffix)}" in last, worker.log()[-3000:]


def assert_accepted(shop: Shop, worker: Worker, suffix: str) -> None:
    result = accept(shop, worker, suffix)
    assert result.returncode == 0, result.stdout + result.stderr
    assert shop.topic(suffix) in result.stdout


def ids(records: list[dict[str, Any]]) -> set[str]:
    return {record["recommendation_id"] for record in records}


def all_facts(shop: Shop) -> dict[str, Any]:
    index = ItemIndex(Parameters())
    return {user: facts(state, index) for user, state in shop.user_states(index).items()}


# ---- an event topic
def ten_clicks(shop: Shop) -> Worker:
    worker = shop.worker()
    worker.wait_ready()
    send_clicks(shop, "old", 10)
    shop.wait_records(10)
    shop.wait_lag_zero()
    return worker


def assert_learned_anew(shop: Shop, worker: Worker, before: list[dict[str, Any]], new: int) -> None:
    """After the acceptance: the ``new`` clicks are learned once and answered under ids of their own."""
    worker.start()
    worker.wait_ready()
    shop.wait_lag_zero()
    records = shop.wait_records(10 + new)
    assert len(ids(before)) == 10 and len(ids(records)) == 10 + new
    fresh = [record for record in records if record["recommendation_id"] not in ids(before)]
    assert {record["trigger"]["event_id"] for record in fresh} == {f"new{n}" for n in range(new)}
    assert {record["trigger"]["offset"] for record in fresh} == set(range(new))
    state = shop.user_states()["u1"]
    assert (state.learned, state.clicks) == (10 + new, 10 + new)
    items = shop.items()
    assert items.interactions[: items.size].max() == 1, "one person, in whichever topic"


def test_recreated_topic_is_refused_then_accepted(shop: Shop) -> None:
    """The start is refused before anything is read; once accepted, all 5 are learned and have new ids."""
    worker = ten_clicks(shop)
    assert worker.stop() == 0
    before, ends = shop.records(), shop.ends([RECOMMENDATIONS.suffix, USER_STATE.suffix])
    recreate(shop, CLICK.suffix)
    send_clicks(shop, "new", 5)
    for _ in range(2):  # it stays refused
        worker.start()
        assert_refused(shop, worker, CLICK.suffix)
    assert shop.ends([RECOMMENDATIONS.suffix, USER_STATE.suffix]) == ends
    assert shop.user_states()["u1"].learned == 10

    assert_accepted(shop, worker, CLICK.suffix)
    assert_learned_anew(shop, worker, before, 5)
    refused = accept(shop, worker, CLICK.suffix, HEADWATER_SESSION_TIMEOUT="1")  # so long it waits for it to end
    assert refused.returncode == 1 and "Stop the workers" in refused.stderr
    worker.kill()
    worker.wipe()
    worker.start()
    worker.wait_ready()
    send_clicks(shop, "last", 1)
    shop.wait_records(16)
    shop.wait_lag_zero()  # its record leaves before its state is written
    assert shop.user_states()["u1"].learned == 16


@pytest.mark.parametrize(
    "new",
    [
        pytest.param(5, id="below the old offsets"),
        pytest.param(15, id="beyond the old offsets", marks=pytest.mark.faults),
    ],
)
def test_topic_recreated_under_a_running_worker(shop: Shop, new: int) -> None:
    """The worker stops by itself; once accepted, every new click is learned once."""
    worker = ten_clicks(shop)
    before = shop.records()
    recreate(shop, CLICK.suffix)
    send_clicks(shop, "new", new)
    assert_refused(shop, worker, CLICK.suffix, code=1)
    assert_accepted(shop, worker, CLICK.suffix)
    assert_learned_anew(shop, worker, before, new)


@pytest.mark.faults
def test_added_partitions_are_refused(shop: Shop) -> None:
    """State is by partition: the worker stops when an event topic gets more of them, and does not start with them."""
    worker = ten_clicks(shop)
    name = shop.topic(CLICK.suffix)
    shop.admin.create_partitions([NewPartitions(name, shop.partitions(CLICK.suffix) + 1)])[name].result()
    assert worker.wait(30) == 1
    assert name in worker.log() and f"topics accept {name}" in worker.log()
    assert shop.user_states()["u1"].learned == 10
    worker.start()
    assert worker.wait(60) == 2
    last = worker.log().rstrip().splitlines()[-1]
    for suffix in (CLICK.suffix, USER_STATE.suffix, RECOMMENDATIONS.suffix):
        extra = suffix == CLICK.suffix
        assert f"{shop.topic(suffix)} has {shop.partitions(suffix) + extra}" in last
    assert f"delete {name} (" in last


@pytest.mark.faults
def test_the_last_incarnation_is_refused_with_what_to_do(shop: Shop) -> None:
    """The 128th incarnation of a topic is learned, the next is refused before anything is changed."""
    worker = ten_clicks(shop)
    assert worker.stop() == 0
    before, click = shop.records(), shop.topic(CLICK.suffix)
    record_ids(Brokers(shop.brokers), shop.namespace, {click: [f"id-{n}" for n in range(MAX_EPOCHS - 1)]})
    recreate(shop, CLICK.suffix)
    assert_accepted(shop, worker, CLICK.suffix)
    send_clicks(shop, "new", 5)
    assert_learned_anew(shop, worker, before, 5)
    assert worker.stop() == 0

    known = known_ids(Brokers(shop.brokers), shop.namespace)
    recreate(shop, CLICK.suffix)
    result = accept(shop, worker, CLICK.suffix)
    assert result.returncode == 1 and "HEADWATER_NAMESPACE" in result.stderr and click in result.stderr, result.stderr
    assert known_ids(Brokers(shop.brokers), shop.namespace) == known


# ---- topics of state
def two_hundred_clicks(shop: Shop) -> Worker:
    worker = shop.worker()
    worker.wait_ready()
    for n in range(23):
        shop.send(CATALOG_ITEMS.suffix, {"item_id": f"i{n}", "title": f"Title {n}"})
    shop.send(CATALOG_ITEMS.suffix, None, key="i3")
    send_clicks(shop, "old", 200, users=10)
    shop.wait_lag_zero()
    assert worker.stop() == 0
    return worker


@pytest.mark.faults
@pytest.mark.faults
def test_recreated_user_state_is_rebuilt(shop: Shop) -> None:
    """Refused with the topic named; once accepted, the old store is thrown away and the events learned anew."""
    worker = two_hundred_clicks(shop)
    before = all_facts(shop)
    recreate(shop, USER_STATE.suffix)
    worker.start()
    assert_refused(shop, worker, USER_STATE.suffix)
    assert not any(shop.ends([USER_STATE.suffix]).values()), "nothing was written to a changelog that lacks the rest"

    assert_accepted(shop, worker, USER_STATE.suffix)
    worker.start()
    worker.wait_ready()
    shop.wait_lag_zero()
    assert all_facts(shop) == before
    send_clicks(shop, "after", 1)
    shop.wait_lag_zero()
    assert_exact(shop)
    served, after = shop.records()[-1]["items"], all_facts(shop)
    assert after["u1"]["learned"] == 21
    assert worker.stop() == 0
    worker.wipe()
    worker.start()
    worker.wait_ready()
    send_clicks(shop, "wiped", 1)
    shop.wait_lag_zero()
    assert served and all_facts(shop)["u1"]["learned"] == 22
    assert_exact(shop)


def titles(shop: Shop) -> dict[str, str | None]:
    """Title by item that is or was in the catalogue; None: deleted."""
    index = shop.items()
    assert all(index.catalog[row] is not None or index.deleted[row] for row in range(index.size))
    rows = ((index.ids[row], index.catalog[row]) for row in range(index.size))
    return {item: None if row is None else row.title for item, row in rows}


@pytest.mark.faults
@pytest.mark.parametrize(
    "lost",
    [(ITEM_STATE,), (ITEM_UPDATES,), (ITEM_STATE, ITEM_UPDATES), (CATALOG_STATE, CATALOG_ITEMS)],
    ids=lambda topics: " ".join(topic.suffix for topic in topics),
)
def test_recreated_item_topics_are_rebuilt(shop: Shop, lost: tuple[Topic, ...]) -> None:
    """Nothing is counted twice, no row is lost, no deleted item comes back."""
    worker = two_hundred_clicks(shop)
    expected = titles(shop)
    assert expected["i3"] is None and expected["i4"] == "Title 4" and len(expected) == 23
    for topic in lost:
        recreate(shop, topic.suffix)
    shop.send(CATALOG_ITEMS.suffix, None, key="i5")
    shop.send(CATALOG_ITEMS.suffix, {"item_id": "i6", "title": "Another"})
    shop.flush()
    expected |= {"i5": None, "i6": "Another"}
    for topic in lost:
        worker.start()
        assert worker.wait(60) == 2
        assert "headwater topics accept" in worker.log()
        assert_accepted(shop, worker, topic.suffix)
    worker.start()
    worker.wait_ready()
    shop.wait_lag_zero()
    assert titles(shop) == expected
    send_clicks(shop, "after", 20, users=10, first=1_000)
    shop.wait_lag_zero()
    if len(lost) == 2 and lost[0] is ITEM_STATE:  # nothing is left of what the items had learned
        items = shop.items()
        assert items.interactions[: items.size].sum() == 20
    else:
        assert_exact(shop)
    for record in shop.records()[-20:]:
        assert record["items"] and not {item["item_id"] for item in record["items"]} & {"i3", "i5"}


def pretend(worker: Worker, store: str, offset: int) -> None:
    """The stopped worker's store says that it contains the changelog up to ``offset``: a volume from elsewhere."""
    (path,) = (worker.folder / "state").rglob(f"{store}-0.db")
    database = rocksdict.Rdict(str(path), rocksdict.Options(raw_mode=True))
    database[b"__faust\0offset__"] = str(offset).encode()
    database.close()


@pytest.mark.faults
def test_store_ahead_of_its_changelog_is_refused(shop: Shop) -> None:
    """The message names topic, partition and both numbers, and what it says to do helps."""
    worker = ten_clicks(shop)
    assert worker.stop() == 0
    for store, topic in (("catalog", CATALOG_STATE), ("users", USER_STATE)):
        pretend(worker, store, 200)
        ends = shop.ends([topic.suffix])
        worker.start()
        assert worker.wait(60) == 1, worker.log()[-3000:]
        last, end = worker.log().rstrip().splitlines()[-1], ends[shop.topic(topic.suffix), 0]
        assert f"{shop.topic(topic.suffix)}-0" in last, worker.log()[-3000:]
        assert (
            "changelog offset 200" in last and f"ends at {end}." in last and "delete the worker's state folder" in last
        )
        assert shop.ends([topic.suffix]) == ends
        worker.wipe()
        worker.start()
        worker.wait_ready()
        assert worker.stop() == 0
    worker.start()
    worker.wait_ready()
    send_clicks(shop, "after", 1)
    shop.wait_lag_zero()
    assert shop.user_states()["u1"].learned == 11
    assert_exact(shop)
