"""A worker that was killed is back at once, without a name from its operator; one that is stopped gives way at once."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from streams.topology import CLICK
from tests.integration.shop import Shop
from tests.integration.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]
SESSION = 30
NAMELESS = {"HEADWATER_WORKER_ID": "", "HEADWATER_SESSION_TIMEOUT": str(SESSION)}


def click(shop: Shop, number: int) -> None:
    event = {"event_id": f"e{number}", "user_id": "u1", "item_id": f"i{number}", "occurred_at": int(time.time() * 1000)}
    shop.send(CLICK.suffix, event)
    shop.flush()


def test_a_killed_worker_is_back_before_its_session_ends(shop: Shop) -> None:
    worker = shop.worker(**NAMELESS)
    click(shop, 0)
    shop.wait_records(1, 60)
    worker.kill()
    click(shop, 1)
    started = time.monotonic()
    worker.start()
    shop.wait_records(2, 60)
    assert time.monotonic() - started < SESSION / 2
    assert worker.stop() == 0


@pytest.mark.parametrize("seconds", [0.0, 0.5, 1.0, 2.0])
def test_it_may_be_stopped_while_it_starts(shop: Shop, seconds: float) -> None:
    worker = shop.worker(**NAMELESS)
    assert worker.url
    time.sleep(seconds)
    assert worker.stop() == 0 and "Traceback" not in worker.log()


def test_a_second_worker_in_the_folder_is_refused(shop: Shop) -> None:
    shop.worker("w0", **NAMELESS).wait_ready()
    second = shop.worker("w1", **NAMELESS)
    assert second.wait(60) == 2 and "another worker uses the state folder" in second.log()


def test_who_takes_the_name_of_another_ends_it(shop: Shop, tmp_path: Path) -> None:
    """Two workers of one name, on two machines: the first one stops, says why, and writes nothing."""
    first = shop.worker("w0", HEADWATER_STATE_DIR=str(tmp_path / "s0"), HEADWATER_WORKER_ID="twin")
    first.wait_ready()
    second = shop.worker("w1", HEADWATER_STATE_DIR=str(tmp_path / "s1"), HEADWATER_WORKER_ID="twin")
    assert first.wait(60) == 1
    last = first.log().rstrip().splitlines()[-1]
    assert "another worker has joined under this one's id (twin." in last and "Traceback" not in first.log()
    second.wait_ready()
    click(shop, 0)
    shop.wait_records(1)
    assert second.stop() == 0


def test_a_copied_folder_is_another_worker(shop: Shop, tmp_path: Path) -> None:
    """Both work, side by side."""
    first = shop.worker("w0", HEADWATER_STATE_DIR=str(tmp_path / "s0"), **NAMELESS)
    first.wait_ready()
    shutil.copytree(tmp_path / "s0", tmp_path / "s1")
    second = shop.worker("w1", HEADWATER_STATE_DIR=str(tmp_path / "s1"), **NAMELESS)
    second.wait_ready()
    wait_until(lambda: len(shop.owners("profiles")) == 2, 60, shop.logs)
    for worker in (first, second):
        assert worker.stop() == 0
