"""State in Kafka that cannot be read: the worker says what to do and overwrites nothing."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import Message

from operators.state.item_codec import decode_item
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from operators.state.user_codec import decode_user
from streams.topology import CATALOG_ITEMS, CLICK, ITEM_STATE, USER_STATE
from tests.integration.shop import Shop
from tests.integration.worker import Worker

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]
GARBAGE = b"\x00not a state"


def newer(state: bytes) -> bytes:
    """The same bytes under the next format version."""
    return state[:1] + bytes((state[1] + 1,)) + state[2:]


def last(shop: Shop, suffix: str, key: bytes) -> Message:
    return [message for message in shop.read(suffix) if message.key() == key][-1]


def write(shop: Shop, suffix: str, like: Message, value: bytes) -> None:
    shop.send(suffix, value, key=like.key(), partition=like.partition())
    shop.flush()


def click(shop: Shop, event_id: str) -> None:
    now = int(time.time() * 1000)
    shop.send(CLICK.suffix, {"event_id": event_id, "user_id": "u1", "item_id": "i1", "occurred_at": now})
    shop.flush()


def three_clicks(shop: Shop) -> Worker:
    """A worker that has learned them, and was stopped."""
    worker = shop.worker()
    worker.wait_ready()
    shop.send(CATALOG_ITEMS.suffix, {"item_id": "i1", "title": "Title"})
    for n in range(3):
        click(shop, f"e{n}")
    shop.wait_lag_zero()
    assert worker.stop() == 0
    return worker


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        pytest.param(lambda state: GARBAGE, "is corrupt", id="garbage"),
        pytest.param(lambda state: state[:-3], "the checksum does not match", id="cut"),
        pytest.param(newer, "was written by a newer Headwater", id="newer"),
    ],
)
@pytest.mark.parametrize(("suffix", "key"), [(USER_STATE.suffix, b"u1"), (ITEM_STATE.suffix, b"i1")])
def test_unreadable_state_stops_the_worker(shop: Shop, suffix: str, key: bytes, bad: object, said: str) -> None:
    """Nothing is learned on top of it; once the right bytes are back, nothing is missing."""
    worker = three_clicks(shop)

    good = last(shop, suffix, key)
    write(shop, suffix, good, bad(good.value()))  # type: ignore[operator]
    click(shop, "e3")
    worker.start()
    assert worker.wait(60) in (1, 2)
    assert said in worker.log() and "Traceback" not in worker.log()
    assert last(shop, suffix, key).value() == bad(good.value()), "nothing was written over it"  # type: ignore[operator]
    assert shop.lag("profiles", [CLICK.suffix]) == 1

    write(shop, suffix, good, good.value())
    worker.start()
    worker.wait_ready()
    shop.wait_lag_zero()
    state = decode_user("u1", last(shop, USER_STATE.suffix, b"u1").value(), ItemIndex(Parameters()))
    assert state.learned == 4 and len(shop.wait_records(4)) == 4
    row = ItemIndex(Parameters())
    decode_item(row, "i1", last(shop, ITEM_STATE.suffix, b"i1").value())
    assert row.interactions[0] == 1.0, "one person"
    assert worker.stop() == 0
