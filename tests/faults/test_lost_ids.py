"""``topic-ids.v1`` is lost while other state is there: nothing is compared with the offsets of another incarnation."""

from __future__ import annotations

import pytest

from streams.topology import CLICK, TOPIC_IDS
from tests.integration.shop import Shop
from tests.integration.test_cases_topics import (
    accept,
    assert_accepted,
    assert_refused,
    recreate,
    send_clicks,
    ten_clicks,
)

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]


def test_lost_topic_ids_are_noticed_and_told_by_the_state(shop: Shop) -> None:
    """A topic was accepted as its second incarnation; without the record, its offsets would count for the first."""
    worker = ten_clicks(shop)
    assert worker.stop() == 0
    recreate(shop, CLICK.suffix)
    assert_accepted(shop, worker, CLICK.suffix)
    send_clicks(shop, "new", 3)
    worker.start()
    shop.wait_records(13)
    shop.wait_lag_zero()
    assert worker.stop() == 0

    recreate(shop, TOPIC_IDS.suffix)
    send_clicks(shop, "later", 2)
    worker.start()
    assert_refused(shop, worker, TOPIC_IDS.suffix)
    assert "though there is state" in worker.log() and "Traceback" not in worker.log()
    other = accept(shop, worker, CLICK.suffix)
    assert other.returncode == 1 and "though there is state" in other.stderr, "that would hide the loss"
    assert shop.user_states()["u1"].learned == 13 and len(shop.records()) == 13

    assert_accepted(shop, worker, TOPIC_IDS.suffix)
    worker.start()
    shop.wait_records(15)
    shop.wait_lag_zero()
    assert shop.user_states()["u1"].learned == 15
    items = shop.items()
    assert items.interactions[: items.size].max() == 1, "one person, whichever topic"
    assert worker.stop() == 0


def test_a_record_of_ids_that_cannot_be_read_is_refused(shop: Shop) -> None:
    """It says which, and does not take the topics for new ones."""
    worker = ten_clicks(shop)
    assert worker.stop() == 0
    known = [message.value() for message in shop.read(TOPIC_IDS.suffix) if message.key().decode().endswith("click.v1")]
    name = shop.topic(CLICK.suffix)
    shop.send(TOPIC_IDS.suffix, b"\x00not ids", key=name)
    shop.flush()
    worker.start()
    assert worker.wait(60) == 2
    last = worker.log().rstrip().splitlines()[-1]
    assert name in last and "cannot be read" in last and "Traceback" not in worker.log(), worker.log()[-3000:]
    shop.send(TOPIC_IDS.suffix, known[-1], key=name)
    shop.flush()
    worker.start()
    worker.wait_ready()
    assert worker.stop() == 0
